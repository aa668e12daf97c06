"""I6: the quick viewer. For checking only, not for diagnosis; it works by links alone."""

from __future__ import annotations

from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts import audit
from iep.queries.banner import of_study
from iep.queries.registration import images as found
from iep.queries.registration.matching import study_for
from iep.services.registration import pictures


@require_safe
def images(request: HttpRequest, study_id: UUID) -> HttpResponse:
    study = study_for(request.acting, study_id)
    viewer = found.viewer_for(study, found.place_of(request.GET.dict()))
    if not found.opened_lately(request.acting, study):
        audit.record(
            acting=request.acting, action=found.VIEWED, object_type="iep.Study", object_id=study.pk,
            patient_id=study.patient_id or "", request=request,
        )  # fmt: skip
    shown = [
        (pane, _picture(pane, viewer.place))
        for pane in (viewer.pane, viewer.second)
        if pane is not None
    ]
    context = {"viewer": viewer, "study": study, "shown": shown,
               "has_overlays": any(made.overlays for _, made in shown)}  # fmt: skip
    context |= of_study(study).context
    is_alone = viewer.place.is_alone and viewer.pane is not None
    page = "iep/image_alone.html" if is_alone else "iep/images.html"
    return _private(render(request, page, context))


def _picture(pane: found.Pane, place: found.Place) -> pictures.Picture:
    return pictures.picture(
        pane.frame.file_id, frame=pane.frame.frame, window=place.window, drawn=not place.is_bare
    )


@require_safe
def picture(request: HttpRequest, study_id: UUID, file_id: UUID, frame: int) -> HttpResponse:
    """A PNG of one frame; `?w=` a window, `?o=0` without overlays, `?t=1` a thumbnail."""
    study = study_for(request.acting, study_id)
    if not found.is_of_study(study, file_id):
        raise Http404
    edge = pictures.THUMBNAIL if request.GET.get("t") == "1" else pictures.WHOLE
    window = request.GET.get("w", "auto")
    drawn = request.GET.get("o") != "0"
    made = pictures.picture(file_id, frame=frame, window=window, edge=edge, drawn=drawn)
    if not made.png:
        raise Http404
    return _private(HttpResponse(made.png, content_type="image/png"))


def _private(response: HttpResponse) -> HttpResponse:
    response["Cache-Control"] = "private, no-store"
    return response
