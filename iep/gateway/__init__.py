"""The gateway: how two installations of this product hand each other transactions and images.

One HTTPS API, the same on both sides, under `iep/gateway/v1/`. Each installation is server and
client. What is said of a transaction (created, accepted, declined, messages, documents, how far it
has got) is JSON, put under ids that both sides share, so that saying it twice is saying it once.
Images travel in the shapes of DICOMweb (PS3.18): STOW-RS to push them, WADO-RS to pull them,
`multipart/related; type="application/dicom"`, one part or many, streamed between the line and
`iep.storage` without ever being whole in memory. No address holds anything of a patient, not even
a UID.

Who speaks is proved by each request: an Ed25519 signature over method, path, parties, time, nonce
and the digest of the body (RFC 9421, RFC 9530), by a key whose fingerprint a person put into the
node's row. Who answers is proved by TLS. The private key is a file of settings.GATEWAY_DIR.

`sign` proves, `related` cuts multiparts, `shapes` says what the JSON looks like, `line` speaks
HTTPS, `client` is the door for lanes and `services.gateway.telling`, `api` is what the other side
reaches.
docs/iep/gateway.md describes it for whoever builds the other end.
"""
