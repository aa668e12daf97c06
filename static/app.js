// The whole of our own script: keys, and manners for live fragments. Every page works without it.
(() => {
  "use strict";

  // --- Keys (shown on the keyboard help page) --------------------------------------------------

  const press = (element) => {
    if (!element || element.disabled || element.offsetParent === null) return false;
    if (element.form) element.form.requestSubmit(element);
    else element.click();
    return true;
  };

  const focusJumpBox = () => {
    const box = document.querySelector("[data-jump]");
    const page = document.body.dataset.jumpPage;
    if (box) {
      box.focus();
      box.select?.();
    } else if (page) {
      window.location.assign(page);
    }
    return Boolean(box || page);
  };

  const goTo = (address) => {
    if (address) window.location.assign(address);
    return Boolean(address);
  };

  // The button of the form that somebody is writing in; else the page's own.
  const primary = () =>
    document.activeElement?.form?.querySelector("[data-primary]") ||
    document.querySelector("[data-primary]");

  const CHORDS = {
    "Control+Enter": () => press(primary()),
    "Control+k": focusJumpBox,
    "Shift+F1": () => goTo(document.body.dataset.keysPage),
  };

  const chordOf = (event) =>
    [event.ctrlKey && "Control", event.altKey && "Alt", event.shiftKey && "Shift", event.key]
      .filter(Boolean)
      .join("+");

  const answerKey = (event) => {
    if (event.isComposing || event.repeat) return;
    const act = CHORDS[chordOf(event)];
    if (act && act()) event.preventDefault();
  };

  document.addEventListener("keydown", answerKey);

  // What was pressed before this script came, start.js has kept: once, however often.
  document.removeEventListener("keydown", window.keepKey);
  if (window.keyBefore) answerKey(window.keyBefore);

  // Escape closes the details that has the focus, and gives the focus back to its summary.
  document.addEventListener("keydown", (event) => {
    const open = event.key === "Escape" && event.target.closest?.("details[open]");
    if (!open) return;
    open.open = false;
    open.querySelector("summary").focus();
  });

  // --- Live fragments ----------------------------------------------------------------------------

  // A page in the background asks nothing, and a list that somebody is working in stays still.
  const isBusy = (element) =>
    element.hasAttribute("data-still-while-used") &&
    (element.matches(":hover") || element.contains(document.activeElement));

  document.addEventListener("htmx:beforeRequest", (event) => {
    const polls = event.detail.elt.getAttribute("hx-trigger")?.includes("every");
    if (polls && (document.hidden || isBusy(event.detail.elt))) event.preventDefault();
  });

  // What a page asks by itself does not count as somebody working: the session may go idle.
  document.addEventListener("htmx:configRequest", (event) => {
    const polls = event.detail.elt.getAttribute("hx-trigger")?.includes("every");
    if (polls) event.detail.headers["X-Background"] = "1";
  });

  // Filters stand open beside a wide list, and are folded on a phone (ux 1.1).
  if (window.matchMedia("(min-width: 900px)").matches) {
    for (const panel of document.querySelectorAll("[data-open-when-wide]")) panel.open = true;
  }

  // The back button must not show a page of somebody who has signed out.
  window.addEventListener("pageshow", (event) => {
    if (event.persisted) window.location.reload();
  });
})();
