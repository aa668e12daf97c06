"""The MLLP listener: frames in, acknowledgements out, and between them one commit.

One event loop talks to all peers; one thread stores, many frames at a commit when many wait; one
thread rings for the workers. Nothing is acknowledged before it is committed. On the port for TLS a
fourth thread knows the partners' certificates, so that a stranger is cut before a byte is read.
"""

import asyncio
import contextlib
import queue
import ssl
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import structlog
from django.db import DatabaseError, connection
from django.utils import timezone

from . import crash, doorbell, mllp, tls
from .acknowledgement import ERROR, REJECTED, Verdict, acknowledge
from .models import Feed
from .services import Directory, Origin, accept_all
from .services.receiving import proof_of

log = structlog.get_logger(__name__)

MOST_FRAMES_A_COMMIT = 64
MOST_BYTES_A_COMMIT = 4 * 1024 * 1024
MOST_CONNECTIONS = 1000
MOST_BYTES_HELD = 64 * 1024 * 1024  # unfinished or not yet stored, over all connections
REMEMBER_PARTNERS_SECONDS = 2.0
RING_EVERY_SECONDS = 0.05
REFUSALS_EVERY_SECONDS = 1.0  # of the log: one line, whatever somebody tries
_CHUNK = 64 * 1024

NOT_STORED = Verdict(ERROR, "not_stored", "This could not be stored. Send it again.")
TOO_LARGE = Verdict(REJECTED, "too_large", "The message is larger than 16 MiB.")

Frame = tuple[bytes, Origin]  # the message, and the line that it came by


class Bell(threading.Thread):
    """Rings for the inbox's workers apart from the storing, and not for each message."""

    def __init__(self) -> None:
        super().__init__(name="bell", daemon=True)
        self._wanted = threading.Event()

    def ring(self) -> None:
        self._wanted.set()

    def run(self) -> None:
        while self._wanted.wait():
            self._wanted.clear()
            doorbell.ring("messaging.process_inbox", queue="hl7_in")
            time.sleep(RING_EVERY_SECONDS)


@dataclass(frozen=True, slots=True)
class Storing:
    """A frame that waits for its commit, and who waits for it."""

    frame: Frame
    done: asyncio.Future[bytes]
    notice: Callable[[Feed], None]  # called in the loop: whose it proved to be


class Storeroom(threading.Thread):
    """Stores frames in the order in which they came, as many at a commit as wait."""

    def __init__(self, loop: asyncio.AbstractEventLoop, bell: Bell) -> None:
        super().__init__(name="storeroom", daemon=True)
        self._loop = loop
        self._bell = bell
        self._waiting: queue.SimpleQueue[Storing | None] = queue.SimpleQueue()
        self._partners = Directory(seconds=REMEMBER_PARTNERS_SECONDS)

    def store(self, frame: Frame, notice: Callable[[Feed], None]) -> asyncio.Future[bytes]:
        """The acknowledgement, when the frame is committed."""
        done: asyncio.Future[bytes] = self._loop.create_future()
        self._waiting.put(Storing(frame, done, notice))
        return done

    def close(self) -> None:
        """Store what waits, then end."""
        self._waiting.put(None)

    def run(self) -> None:
        while batch := self._next_batch():
            crash.point("listener.after_read")
            feeds: dict[int, Feed] = {}
            answers = self._stored([each.frame for each in batch], feeds)
            crash.point("listener.after_commit")
            self._loop.call_soon_threadsafe(_resolve, batch, answers, feeds)
            self._bell.ring()
        connection.close()

    def _next_batch(self) -> list[Storing]:
        """At least one, unless it is time to end; more when more wait."""
        batch: list[Storing] = []
        size = 0
        while len(batch) < MOST_FRAMES_A_COMMIT and size < MOST_BYTES_A_COMMIT:
            try:
                storing = self._waiting.get(block=not batch)
            except queue.Empty:
                break
            if storing is None:
                self._waiting.put(None)  # seen again when this batch is stored
                break
            batch.append(storing)
            size += len(storing.frame[0])
        return batch

    def _stored(self, frames: list[Frame], feeds: dict[int, Feed]) -> list[bytes]:
        """Once more on a new connection, then one by one; what still fails is not acknowledged."""
        for _ in range(2):
            try:
                return accept_all(frames, self._partners, notice=feeds.__setitem__)
            except Exception as failure:  # noqa: BLE001 - the outermost loop: others must go on
                log.warning("not_stored", frames=len(frames), error=type(failure).__name__)
                connection.close()
        if len(frames) > 1 and _database_answers():
            return [answer for frame in frames for answer in self._stored([frame], {})]
        return [acknowledge(raw, NOT_STORED, at=timezone.now()) for raw, _ in frames]


def _resolve(batch: Sequence[Storing], answers: Sequence[bytes], feeds: dict[int, Feed]) -> None:
    for place, (storing, answer) in enumerate(zip(batch, answers, strict=True)):
        if place in feeds:
            storing.notice(feeds[place])
        if not storing.done.cancelled():
            storing.done.set_result(answer)


def _database_answers() -> bool:
    try:
        connection.ensure_connection()
    except DatabaseError:
        return False
    return True


class Wardrobe(threading.Thread):
    """Knows, a few seconds late, whose certificates are whose; and what TLS has to believe."""

    def __init__(self, key_name: str) -> None:
        super().__init__(name="wardrobe", daemon=True)
        self._key_name = key_name
        self.refused = 0  # handshakes, since the listener began
        self._told = -REFUSALS_EVERY_SECONDS
        self._directory = Directory(seconds=0)
        self._feeds: list[Feed] = []
        self._anchors = ""
        self.context = self._look()

    def _look(self) -> ssl.SSLContext:
        """A context for new connections. Raises BadCertificate, and what the database raises."""
        self._feeds = self._directory.feeds()
        self._anchors = "\n".join(sorted({feed.partner.trust_anchors for feed in self._feeds}))
        context = tls.listening(
            trust_anchors=self._anchors, key_name=self._key_name, refused=self._refused
        )
        context.sni_callback = self._newest
        return context

    def _refused(self, why: str) -> None:
        """A handshake that failed; a flood of them is a line a second, with how many there were."""
        self.refused += 1
        if time.monotonic() - self._told >= REFUSALS_EVERY_SECONDS:
            self._told = time.monotonic()
            log.warning("tls_refused", why=why, refused=self.refused)

    def _newest(self, line: ssl.SSLObject, name: str | None, context: ssl.SSLContext) -> None:
        """A certificate that was agreed a moment ago is good for the next connection."""
        line.context = self.context

    def run(self) -> None:
        while True:
            time.sleep(REMEMBER_PARTNERS_SECONDS)
            try:
                self.context = self._look()
            except Exception as failure:  # noqa: BLE001 - what we knew stays true
                log.warning("certificates_not_read", error=type(failure).__name__)
                connection.close()

    def owner_of(self, certificate: bytes) -> Feed | None:
        """A feed that this certificate is of; None for a stranger's, whoever vouches for it."""
        return next((each for each in self._feeds if proof_of(each).accepts(certificate)), None)


class Conversation:
    """One connection: as many messages as the peer likes, answered in order."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, listener: "Listener"
    ) -> None:
        self.peer = str((writer.get_extra_info("peername") or ("",))[0])
        line = writer.get_extra_info("ssl_object")
        self.certificate = line.getpeercert(binary_form=True) if line else b""
        self.feed: Feed | None = None
        self.began = time.monotonic()
        self.messages = 0
        self.is_reading = False
        self._is_ending = False
        self._bytes = 0
        self._reader, self._writer, self._listener = reader, writer, listener
        self._frames = mllp.Deframer()
        self._task = asyncio.current_task()

    async def hold(self) -> None:
        """Until the peer hangs up, breaks the rules, or the listener ends."""
        try:
            while not self._is_ending and (data := await self._read()):
                await self._answer(data)
        except (TimeoutError, ConnectionError):
            log.info("conversation_cut", peer=self.peer, messages=self.messages)
        except mllp.FrameTooLarge as failure:
            await self._refuse(failure.beginning)
        finally:
            self._note(-self._bytes)
            self._writer.close()

    def is_of(self, feed: Feed) -> None:
        """Whose it is has been proved: a feed has only so many connections."""
        if self.feed is None:
            self.feed = feed
            self._listener.make_room(feed)

    @property
    def is_nobodys(self) -> bool:
        """It is silent, was never proved to be a feed's, and is not ending already."""
        return self.feed is None and self.is_reading and not self._is_ending

    def end(self) -> None:
        """Answer what was read, then end; at once when nothing was."""
        self._is_ending = True
        if self.is_reading and self._task:
            self._task.cancel()

    async def _read(self) -> bytes:
        """The next bytes; TimeoutError when an open frame takes longer than is allowed."""
        began = self._frames.began_at
        deadline = None if began is None else began + self._listener.frame_seconds
        left = None if deadline is None else max(0.0, deadline - time.monotonic())
        self.is_reading = True
        try:
            return await asyncio.wait_for(self._reader.read(_CHUNK), left)
        finally:
            self.is_reading = False

    async def _answer(self, data: bytes) -> None:
        frames = self._feed(data)
        origin = Origin(self.peer, self.certificate)
        store = self._listener.storeroom.store
        storing = [store((frame, origin), self.is_of) for frame in frames]
        for frame, done in zip(frames, storing, strict=True):
            self._writer.write(mllp.frame(await done))
            self.messages += 1
            self._note(-len(frame))
        if storing:
            await asyncio.wait_for(self._writer.drain(), self._listener.frame_seconds)

    def _feed(self, data: bytes) -> list[bytes]:
        """What is complete now. Whoever adds to what is unfinished when all is full, is cut."""
        before = self._frames.held
        frames: list[bytes] = []
        try:
            frames = self._frames.feed(data)
        finally:
            self._note(self._frames.held - before + sum(map(len, frames)))
        if self._listener.bytes_held > MOST_BYTES_HELD and not frames:
            raise ConnectionError("too much unfinished")
        return frames

    def _note(self, change: int) -> None:
        """Count what this connection keeps in memory."""
        self._bytes += change
        self._listener.bytes_held += change

    async def _refuse(self, beginning: bytes) -> None:
        log.warning("frame_too_large", peer=self.peer)
        answer = acknowledge(beginning, TOO_LARGE, at=timezone.now())
        self._writer.write(mllp.frame(answer))
        with contextlib.suppress(TimeoutError, ConnectionError):
            await asyncio.wait_for(self._writer.drain(), mllp.CONNECT_SECONDS)


class Listener:
    """Takes connections, so many from each peer, and ends them in order."""

    def __init__(
        self, *, connections_per_peer: int, frame_seconds: float = mllp.FRAME_SECONDS
    ) -> None:
        self.bytes_held = 0
        self.frame_seconds = frame_seconds
        self._per_peer = connections_per_peer
        self._open: dict[str, list[Conversation]] = defaultdict(list)

    async def serve(
        self, host: str, port: int, stop: asyncio.Event, *, tls_port: int = 0, tls_key: str = ""
    ) -> None:
        """Listen until `stop` is set; then answer what was read, and end.

        `tls_port`: where a certificate is asked for. Raises tls.BadCertificate without our own.
        """
        bell = Bell()
        bell.start()
        self.storeroom = Storeroom(asyncio.get_running_loop(), bell)
        self.storeroom.start()
        servers = [await self._listen_in_secret(host, tls_port, tls_key)] if tls_port else []
        servers.append(await asyncio.start_server(self._talk, host, port, backlog=256))
        log.info("listening", host=host, port=port)
        await stop.wait()
        for server in servers:
            server.close()
        await self._end_all()
        self.storeroom.close()
        await asyncio.to_thread(self.storeroom.join, mllp.CONNECT_SECONDS)

    async def _listen_in_secret(self, host: str, port: int, key_name: str) -> asyncio.Server:
        """With a handshake that has to end in time, like everything a peer does."""
        self.wardrobe = await asyncio.to_thread(Wardrobe, key_name)
        self.wardrobe.start()
        server = await asyncio.start_server(
            self._talk, host, port, backlog=256, ssl=self.wardrobe.context,
            ssl_handshake_timeout=mllp.CONNECT_SECONDS, ssl_shutdown_timeout=mllp.CONNECT_SECONDS,
        )  # fmt: skip
        log.info("listening", host=host, port=port, tls=True)
        return server

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        conversation = Conversation(reader, writer, self)
        if conversation.certificate and not self.wardrobe.owner_of(conversation.certificate):
            log.warning("certificate_of_a_stranger", peer=conversation.peer)
            writer.close()
            return
        peers = self._open[conversation.peer]
        if not self._has_room(peers):
            log.warning("connection_refused", peer=conversation.peer)
            writer.close()
            return
        peers.append(conversation)
        try:
            await conversation.hold()
        except asyncio.CancelledError:
            return  # we ended it ourselves
        finally:
            peers.remove(conversation)
            if not peers:
                self._open.pop(conversation.peer, None)

    def _has_room(self, peers: list[Conversation]) -> bool:
        """Who is full loses its oldest connection of nobody: a peer one of its own, the listener
        one of anybody's, so that thousands who say nothing keep out nobody who comes again.
        """
        if len(peers) >= self._per_peer:
            crowd = peers
        elif sum(map(len, self._open.values())) >= MOST_CONNECTIONS:
            crowd = [each for theirs in self._open.values() for each in theirs]
        else:
            return True
        nobodys = [each for each in crowd if each.is_nobodys]
        if nobodys:  # first of those that never said anything, then of those that proved nothing
            min(nobodys, key=lambda each: (each.messages > 0, each.began)).end()
        return bool(nobodys)

    def make_room(self, feed: Feed) -> None:
        """A feed with too many connections loses its oldest that is silent just now.

        Not its newest: who lost a connection without knowing must be able to come again.
        """
        everybody = [each for peers in self._open.values() for each in peers]
        theirs = [each for each in everybody if each.feed and each.feed.pk == feed.pk]
        if len(theirs) <= feed.most_connections:
            return
        log.warning("too_many_connections", feed=feed.pk, connections=len(theirs))
        oldest = sorted(theirs, key=lambda each: each.began)
        next((each for each in oldest if each.is_reading), oldest[-1]).end()

    async def _end_all(self) -> None:
        open_now = [each for peers in self._open.values() for each in peers]
        for conversation in open_now:
            conversation.end()
        deadline = time.monotonic() + mllp.CONNECT_SECONDS
        while self._open and time.monotonic() < deadline:
            await asyncio.sleep(0.02)
