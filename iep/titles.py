"""What a transfer is called on the wall and in lists: its modality and the part of the body.

A description is free text and may hold anybody's name; so may a modality or a body part that is
typed where a code belongs. Only what stands here is said. Plain Python.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

_MODALITIES: Final = (
    "BMD CR CT DOC DX ECG EPS ES GM HD IO IVUS KO MG MR NM OCT OP OPT OT PR PT PX RF RTDOSE "
    "RTIMAGE RTPLAN RTSTRUCT SC SEG SM SR US XA XC XR"
)
# Of Body Part Examined (PS3.16 annex L), and the words that people set beside them.
_PARTS: Final = (
    "ABDOMEN ABDOMENPELVIS ADRENAL ANKLE AORTA ARM AXILLA BACK BLADDER BRAIN BREAST BRONCHUS "
    "BUTTOCK CALCANEUS CALF CAROTID CEREBELLUM CERVICAL CHEST CHESTABDOMEN CHESTABDPELVIS CLAVICLE "
    "COCCYX COLON CORNEA CORONARYARTERY CSPINE CTSPINE DUODENUM EAR ELBOW ESOPHAGUS EXTREMITY EYE "
    "EYELID FACE FEMUR FIBULA FINGER FOOT FOREARM GALLBLADDER HAND HEAD HEADNECK HEART HIP HUMERUS "
    "IAC ILEUM ILIUM JAW JEJUNUM KIDNEY KNEE LARYNX LEFT LEG LIVER LOWER LSPINE LSSPINE LUMBAR "
    "LUNG MANDIBLE MAXILLA MEDIASTINUM MOUTH NECK NECKCHEST NECKCHESTABDOMEN NECKCHESTABDPELV NOSE "
    "ORBIT OVARY PANCREAS PAROTID PATELLA PELVIS PENIS PHARYNX PROSTATE RADIUS RECTUM RIB RIGHT "
    "SACRUM SCALP SCAPULA SCLERA SCROTUM SHOULDER SKULL SPINE SPLEEN SSPINE STERNUM STOMACH "
    "SUBMANDIBULAR TESTIS THIGH THORACIC THUMB THYMUS THYROID TIBIA TLSPINE TMJOINT TOE TONGUE "
    "TRACHEA TSPINE ULNA UPPER URETER URETHRA UTERUS VAGINA VULVA WHOLEBODY WRIST ZYGOMA"
)
MODALITIES: Final = frozenset(_MODALITIES.split())
PARTS: Final = frozenset(_PARTS.split())


def what_of(modalities: Iterable[str], body_part: str = "") -> str:
    """`CT head`; "Images" where neither is one of the codes."""
    kinds = [each for each in modalities if each in MODALITIES]
    words = body_part.upper().split()
    part = " ".join(words).lower() if PARTS.issuperset(words) else ""
    return " ".join(filter(None, [*kinds[:2], part])) or "Images"
