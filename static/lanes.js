// The board of lanes: what is in use stands still, a person can stop it, and how far transfers are
// is said aloud at each quarter (ux 2.9). Without scripts the page has its link "Refresh".
(() => {
  "use strict";

  const board = document.getElementById("queues");
  if (!board) return;
  const button = document.getElementById("queues-pause"); // a wall has none
  const stopped = document.getElementById("queues-stopped");
  const still = document.getElementById("queue-still");
  const said = document.getElementById("queues-said");
  const STOPPED = "queues-stopped";
  const isStopped = () => Boolean(button) && sessionStorage.getItem(STOPPED) === "1";
  const asOf = () => document.querySelector("#queues-at time").textContent;

  // --- Stopped by a person, for this tab -------------------------------------------------------

  const show = () => {
    button.textContent = isStopped() ? "Go on updating" : "Stop updating";
    stopped.textContent = isStopped() ? `Paused, as of ${asOf()}.` : "";
  };
  if (button) {
    button.hidden = false;
    show();
    button.addEventListener("click", () => {
      sessionStorage.setItem(STOPPED, isStopped() ? "" : "1");
      show();
      if (!isStopped()) window.htmx.trigger(board, "refresh");
    });
  }
  document.addEventListener("htmx:beforeRequest", (event) => {
    if (event.detail.elt === board && isStopped()) event.preventDefault();
  });

  // --- What is in use stands still: the list under a pointer, a link that has the keyboard ------

  const isUsed = (element) =>
    element.contains(document.activeElement) ||
    (element.hasAttribute("data-still-while-used") && element.matches(":hover"));

  document.addEventListener("htmx:oobBeforeSwap", (event) => {
    const target = event.detail.target;
    const stays = isStopped() || isUsed(target);
    if (stays) event.detail.shouldSwap = false;
    if (target.id === "queue-list" && !isStopped()) {
      still.textContent = stays ? "This list stands still while you are in it." : "";
    }
  });

  // --- How far transfers are, said aloud: one sentence in 15 seconds at most ---------------------

  const AT_MOST = 3; // transfers in one sentence
  const EVERY = 15_000;
  const known = new Map();
  const news = new Map();
  let spoke = -EVERY;

  const listen = (isFirst) => {
    for (const each of document.querySelectorAll("#queues-moved li")) {
      const { transfer, quarter } = each.dataset;
      const before = known.get(transfer) ?? 0;
      if (!isFirst && Number(quarter) > before) news.set(transfer, each.textContent);
      known.set(transfer, Math.max(before, Number(quarter)));
    }
  };
  const speak = () => {
    if (!news.size || performance.now() - spoke < EVERY) return;
    const words = [...news.values()];
    const more = words.length > AT_MOST ? `; and ${words.length - AT_MOST} more` : "";
    said.textContent = `${words.slice(0, AT_MOST).join("; ")}${more}.`;
    news.clear();
    spoke = performance.now();
  };
  if (said) listen(true);

  // --- After each answer, or none ------------------------------------------------------------------

  document.addEventListener("htmx:afterRequest", (event) => {
    if (event.detail.elt !== board || isStopped()) return;
    stopped.textContent = event.detail.successful ? "" : `No answer. This is as of ${asOf()}.`;
    if (!said || !event.detail.successful) return;
    listen(false);
    speak();
  });
})();
