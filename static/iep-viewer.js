// The quick viewer with a keyboard: every key and the slider follow a link or a form of the page.
(() => {
  "use strict";
  const viewer = document.querySelector("[data-viewer]");
  if (!viewer) return;
  const stage = viewer.querySelector("#stage");
  const follow = (link) => { if (link) { sessionStorage.setItem("viewer", "on"); link.click(); } };
  const zoom = (step) => {
    const links = [...stage.querySelectorAll("[data-zoom]")];
    const now = links.findIndex((link) => link.hasAttribute("aria-current"));
    const next = links[now + step];
    if (next) follow(next);
  };
  const KEYS = {
    ArrowUp: () => follow(stage.querySelector('[data-key="up"]')),
    ArrowDown: () => follow(stage.querySelector('[data-key="down"]')),
    "+": () => zoom(1),
    "-": () => zoom(-1),
    0: () => follow(stage.querySelector('[data-zoom="fit"]')),
    i: () => follow(stage.querySelector('[data-key="i"]')),
    o: () => follow(stage.querySelector('[data-key="o"]')),
  };
  // Only when the viewer itself has the focus: never while somebody types or moves the slider.
  stage.addEventListener("keydown", (event) => {
    if (event.target !== stage || event.ctrlKey || event.altKey || event.metaKey) return;
    const act = KEYS[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  });
  for (const slide of viewer.querySelectorAll("[data-slide]")) {
    slide.form.querySelector("[data-slide-go]").hidden = true;
    slide.addEventListener("change", () => slide.form.requestSubmit());
  }
  const full = viewer.querySelector("[data-full-screen]");
  const figure = viewer.querySelector(".app-viewer__figure");
  if (full && document.fullscreenEnabled) {
    full.addEventListener("click", (event) => {
      event.preventDefault();
      figure.requestFullscreen().catch(() => { location.assign(full.href); });
    });
  }
  if (sessionStorage.getItem("viewer")) { // whoever came by a key goes on by a key
    sessionStorage.removeItem("viewer");
    stage.focus();
  }
})();
