// The request screen: suggestions while typing, tests added without a reload, the draft kept.
// The server draws every part; without this script the same form works one press at a time.
(() => {
  "use strict";

  const form = document.querySelector("[data-compose]");
  if (!form) return;
  const box = form.querySelector("[data-find]");
  const list = form.querySelector("[data-suggestions]");
  const announcer = form.querySelector("[data-announce]");
  const AUTOSAVE_MS = 5000;
  const TYPING_MS = 90;

  const say = (words) => { announcer.textContent = words; };

  // --- Talking to the server: one request at a time, in the order of the presses -----------------

  let last = Promise.resolve();

  const post = async (verb) => {
    const data = new FormData(form);
    data.append("do", verb);
    const answer = await fetch(form.action, {
      method: "POST", body: data, headers: { "X-Fragment": "1" }, redirect: "error",
    });
    if (answer.status === 401 || answer.status === 403) window.location.reload();
    if (!answer.ok) throw new Error(String(answer.status));
    const page = document.createElement("template");
    page.innerHTML = await answer.text();
    return page.content;
  };

  const queue = (verb, then) => {
    last = last.then(() => post(verb)).then(then).then(clearTrouble).catch(showTrouble);
    return last;
  };

  const trouble = form.querySelector("[data-trouble]");
  const clearTrouble = () => { trouble.hidden = true; };
  const troubleWith = (error) => {
    if (!navigator.onLine) return trouble.dataset.offline;
    return error.message === "409" ? trouble.dataset.changed : trouble.dataset.unreachable;
  };
  const showTrouble = (error) => {
    dirty = true;
    trouble.hidden = false;
    trouble.querySelector("[data-when]").textContent = troubleWith(error);
  };

  // --- Drawing ---------------------------------------------------------------------------------------

  // A part is replaced only where it differs from what the server drew last, and never under the
  // person's hands: what they are typing in stays.
  const drawn = new Map();
  const remember = () => {
    for (const part of form.querySelectorAll("[data-live]")) drawn.set(part.id, part.innerHTML);
  };

  const refreshParts = (content) => {
    for (const fresh of content.querySelectorAll("[data-live]")) {
      const old = document.getElementById(fresh.id);
      if (!old || drawn.get(fresh.id) === fresh.innerHTML) continue;
      if (old.contains(document.activeElement)) continue;
      old.replaceChildren(...fresh.childNodes);
      drawn.set(fresh.id, old.innerHTML);
    }
  };

  const redrawAll = (content) => {
    const fresh = content.querySelector("#workspace");
    form.querySelector("#workspace").replaceWith(fresh);
    remember();
    const target = fresh.querySelector("[data-focus-next]") || box;
    target.focus();
    if (target !== box) target.closest("[data-card]").scrollIntoView({ block: "nearest" });
    say(fresh.dataset.said || "");
  };

  // --- The draft is kept: every five seconds while it changes, and when a field is left ----------------

  let dirty = false;
  const save = () => {
    if (!dirty) return last;
    dirty = false;
    return queue("save", refreshParts);
  };
  form.addEventListener("input", (event) => { dirty = event.target !== box || dirty; });
  form.addEventListener("change", (event) => { if (event.target !== box) { dirty = true; save(); } });
  window.setInterval(save, AUTOSAVE_MS);
  document.addEventListener("visibilitychange", () => { if (document.hidden) save(); });
  window.addEventListener("online", () => { dirty = true; save(); });
  window.addEventListener("offline", showTrouble);

  // --- Buttons that change the list of tests ------------------------------------------------------------

  const REDRAWS = new Set(["add", "add-top", "add-set", "remove", "swap", "later", "now", "add-too"]);
  form.addEventListener("click", (event) => {
    const button = event.target.closest("button[name=do]");
    if (!button || !REDRAWS.has(button.value.split(" ")[0])) return;
    event.preventDefault();
    act(button.value);
  });

  const act = (verb) => {
    closeList();
    queue(verb, (content) => { box.value = ""; redrawAll(content); });
  };

  form.addEventListener("submit", () => {
    form.querySelector("[name=js]").value = "1";
    dirty = false;
  });

  // --- The box: a list of suggestions (ARIA 1.2 combobox with a list) -------------------------------------

  let chosen = -1;
  let asked = 0;
  let typing;

  const options = () => [...list.querySelectorAll("[role=option]")];

  const closeList = () => {
    window.clearTimeout(typing);
    asked += 1;
    chosen = -1;
    list.hidden = true;
    list.replaceChildren();
    box.setAttribute("aria-expanded", "false");
    box.removeAttribute("aria-activedescendant");
  };

  const highlight = (index) => {
    const all = options();
    chosen = Math.max(-1, Math.min(index, all.length - 1));
    all.forEach((option, at) => option.setAttribute("aria-selected", String(at === chosen)));
    if (chosen < 0) {
      box.removeAttribute("aria-activedescendant");
      return;
    }
    box.setAttribute("aria-activedescendant", all[chosen].id);
    all[chosen].scrollIntoView({ block: "nearest" });
  };

  const suggest = async () => {
    const words = box.value.trim();
    const mine = (asked += 1);
    if (!words) { closeList(); return; }
    const waiting = window.setTimeout(() => say("Searching…"), 300);
    const address = `${list.dataset.address}?${new URLSearchParams({ q: words })}`;
    const answer = await fetch(address, { headers: { "X-Fragment": "1" } }).catch(() => null);
    window.clearTimeout(waiting);
    if (mine !== asked || !answer || !answer.ok) return;
    list.innerHTML = await answer.text();
    list.hidden = false;
    chosen = -1;
    box.setAttribute("aria-expanded", "true");
    const count = options().length;
    say(count ? `${count} ${count === 1 ? "test" : "tests"} found` : "No test found");
  };

  box.addEventListener("input", () => {
    window.clearTimeout(typing);
    box.removeAttribute("aria-activedescendant");
    typing = window.setTimeout(suggest, TYPING_MS);
  });

  // Enter takes what is highlighted; else the server takes the best hit for the words typed, so
  // that a fast typist does not get the first hit of half a word.
  const takeTest = () => {
    const option = options()[chosen];
    if (option) act(`add ${option.dataset.code}`);
    else if (box.value.trim()) act("add-top");
  };

  const KEYS = {
    ArrowDown: () => highlight(chosen + 1),
    ArrowUp: () => highlight(chosen - 1),
    Escape: closeList,
    Enter: takeTest,
  };
  box.addEventListener("keydown", (event) => {
    const move = KEYS[event.key];
    if (!move || event.ctrlKey) return;
    event.preventDefault();
    move();
  });
  box.addEventListener("blur", () => window.setTimeout(() => {
    if (document.activeElement !== box) closeList();
  }, 150));
  list.addEventListener("mousedown", (event) => event.preventDefault());
  list.addEventListener("click", (event) => {
    const option = event.target.closest("[role=option]");
    if (option) act(`add ${option.dataset.code}`);
  });

  // --- Counting characters ---------------------------------------------------------------------------------

  form.addEventListener("input", (event) => {
    const counter = event.target.dataset?.counts && document.getElementById(event.target.dataset.counts);
    if (counter) counter.textContent = `${event.target.maxLength - event.target.value.length} characters left`;
  });

  form.querySelector("[name=js]").value = "1";
  remember();
  form.querySelector("[data-focus-next]")?.focus();
})();
