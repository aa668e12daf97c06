// Opens a downtime pack in the browser that shows it, from a file, with nobody to ask.
// The same steps as accounts/sealing.py: PBKDF2-HMAC-SHA256, AES-256-GCM in blocks, zlib, lines of JSON.
"use strict";
(() => {
  const WRONG = "That passphrase does not open this pack. Look at each word and try again.";
  const DAMAGED = "This pack was changed or is not whole. Take another copy of it.";
  const PAGE = 25;
  const byId = (id) => document.getElementById(id);
  const about = byId("about").textContent;
  const facts = JSON.parse(about);
  const patients = new Map();
  const others = { contact: [], form: [] };
  let place = null;

  // --- Opening ---

  const bytesOf = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const tidy = (words) => (words.toLowerCase().match(/[a-z]+/g) || []).join("-");

  async function keyFrom(passphrase) {
    const words = new TextEncoder().encode(tidy(passphrase));
    const base = await crypto.subtle.importKey("raw", words, "PBKDF2", false, ["deriveKey"]);
    const how = { name: "PBKDF2", hash: "SHA-256", salt: bytesOf(facts.salt), iterations: facts.iterations };
    return crypto.subtle.deriveKey(how, base, { name: "AES-GCM", length: 256 }, false, ["decrypt"]);
  }

  async function plainOf(key, block, number, isLast) {
    const nonce = new Uint8Array(12);
    nonce.set(bytesOf(facts.nonce));
    new DataView(nonce.buffer).setUint32(8, number);
    const bound = new TextEncoder().encode(`${about}|${number}|${isLast ? "last" : "more"}`);
    const how = { name: "AES-GCM", iv: nonce, additionalData: bound };
    const packed = await crypto.subtle.decrypt(how, key, bytesOf(block));
    const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
    return new Response(stream).text();
  }

  async function open(passphrase) {
    const blocks = [...document.querySelectorAll("script.block")];
    const key = await keyFrom(passphrase);
    const records = [];
    for (const [number, block] of blocks.entries()) {
      let plain;
      try {
        plain = await plainOf(key, block.textContent, number, number === blocks.length - 1);
      } catch {
        throw new Error(number ? DAMAGED : WRONG);
      }
      for (const line of plain.split("\n")) if (line) records.push(JSON.parse(line));
    }
    if (blocks.length < 2 || records.at(-1).kind !== "end") throw new Error(DAMAGED);
    blocks.forEach((block) => block.remove());
    return records;
  }

  function sort(records) {
    for (const record of records) {
      if (record.kind === "about") place = record;
      else if (record.kind in others) others[record.kind].push(record);
      else if (record.patient) {
        const who = record.patient;
        if (!patients.has(who.id)) patients.set(who.id, { who, reports: [], requests: [] });
        patients.get(who.id)[record.kind === "report" ? "reports" : "requests"].push(record);
      }
    }
    for (const one of patients.values()) one.words = wordsOf(one);
  }

  function wordsOf({ who, reports, requests }) {
    const numbers = [...reports, ...requests].flatMap((each) => [each.reference, each.number]);
    return [who.name, who.nhs, who.nhs.replace(/ /g, ""), who.born, ...numbers].join(" ").toLowerCase();
  }

  // --- Drawing: text only, never markup ---

  function el(name, words, attributes = {}, ...children) {
    const made = document.createElement(name);
    if (words) made.textContent = words;
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    made.append(...children.filter(Boolean));
    return made;
  }

  function factsList(pairs) {
    const list = el("dl", "", { class: "facts" });
    for (const [head, words] of pairs) if (words) list.append(el("div", "", {}, el("dt", head), el("dd", words)));
    return list;
  }

  function valuesTable(report) {
    const head = el("tr", "", {}, ...["Test", "Result", "Units", "Range", "Flag"].map((words) => el("th", words, { scope: "col" })));
    const body = el("tbody");
    for (const value of report.values) body.append(...valueRows(value));
    const caption = el("caption", `Values: ${report.name || report.test}`);
    return el("table", "", {}, caption, el("thead", "", {}, head), body);
  }

  function valueRows(value) {
    const shown = el("td", "", { "data-label": "Result" }, el(value.struck ? "s" : "span", value.value || (value.files.length ? "A document" : "No value"), { class: "text" }));
    if (value.status) shown.append(el("br"), el("strong", value.status));
    for (const words of [value.note, value.problem]) if (words) shown.append(el("br"), el("span", words, { class: "second text" }));
    for (const file of value.files) shown.append(el("br"), fileLink(file));
    const flag = [value.flag, value.sent && `(sent: ${value.sent})`].filter(Boolean).join(" ");
    const cells = [["Units", value.units], ["Range", value.range], ["Flag", flag]].map(
      ([label, words]) => el("td", words || "–", { "data-label": label }));
    if (value.flag) cells[2].replaceChildren(el("strong", flag));
    return [el("tr", "", {}, el("th", value.name, { scope: "row" }), shown, ...cells)];
  }

  function fileLink(file) {
    if (!file.data) return el("span", `${file.name} is too large for the pack. Ring the department.`);
    const button = el("button", `Save ${file.name}`, { type: "button", class: "other no-print" });
    button.addEventListener("click", () => {
      const address = URL.createObjectURL(new Blob([bytesOf(file.data)], { type: file.type }));
      el("a", "", { href: address, download: file.name }).click();
      setTimeout(() => URL.revokeObjectURL(address), 1000);
    });
    return button;
  }

  function reportPart(report) {
    const isGrave = report.unreviewed && report.group <= 2;
    const part = el("section", "", {}, el("h4", report.test));
    const line = el("p", "", {}, el("span", report.matters, { class: report.group <= 2 ? "mark mark--grave" : "mark" }));
    line.append(` ${report.status}, issued ${report.issued}. `);
    line.append(el("strong", report.unreviewed ? "NOT REVIEWED." : ""), report.review);
    if (report.amended) line.append(el("strong", " Amended or contradicted: see the versions when the service is back."));
    part.append(line);
    if (isGrave) part.classList.add("grave", "card");
    if (report.hidden) part.append(el("p", "Withdrawn: it was another patient’s. Nothing of it is shown."));
    if (report.text) part.append(el("p", report.text, { class: "text" }));
    if (report.note) part.append(el("p", report.note, { class: "text second" }));
    if (report.values.length) part.append(valuesTable(report));
    part.append(factsList([["Reported by", [report.authoriser, report.department, report.phone].filter(Boolean).join(", ")],
      ["Taken", report.taken], ["Asked by", report.by], ["To be reviewed by", report.unreviewed ? report.owner : ""], ["Reference", `${report.reference}, ${report.number}`]]));
    return part;
  }

  function requestPart(request) {
    return el("section", "", {}, el("h4", `Open request: ${request.test}`),
      el("p", "", {}, el("span", request.status, { class: "mark" }), ` ${request.urgent ? `${request.priority}. ` : ""}${request.next}`),
      factsList([["Reference", `${request.reference}, ${request.number}`], ["Asked", `${request.asked} by ${request.by}`],
        ["Sent to", [request.department, request.phone].filter(Boolean).join(", ")], ["Reasons", request.reasons], ["Clinical details", request.details]]));
  }

  function card({ who, reports, requests }) {
    const made = el("article", "", { class: "card" }, el("h3", who.name),
      el("p", "", {}, el("span", `NHS number ${who.nhs}`, { class: "nowrap" }), `, born ${who.born}, ${who.gender}`));
    made.append(...reports.map(reportPart), ...requests.map(requestPart));
    return made;
  }

  // --- What is on the screen ---

  const isUnread = (one) => one.reports.some((report) => report.unreviewed);
  const isCritical = (one) => one.reports.some((report) => report.unreviewed && report.group <= 2);
  const CHOICES = [
    ["Critical or unexpected, not reviewed", isCritical], ["Not reviewed", isUnread],
    ["Open requests", (one) => one.requests.length > 0], ["Everybody", () => true],
  ];
  let chosen = 0, wanted = "", room = PAGE;

  function found() {
    const parts = wanted.toLowerCase().split(/\s+/).filter(Boolean);
    const joined = wanted.replace(/\D/g, "");
    const isNumber = joined.length >= 3 && !/[a-z]/i.test(wanted);
    const fits = (one) => parts.every((part) => one.words.includes(part)) || (isNumber && one.words.includes(joined));
    return [...patients.values()].filter(wanted.trim() ? fits : CHOICES[chosen][1]);
  }

  function draw() {
    const all = found();
    byId("cards").replaceChildren(...all.slice(0, room).map(card));
    const words = all.length === 1 ? "1 patient." : `${all.length} patients.`;
    byId("count").textContent = all.length > room ? `${words} The first ${room} are shown.` : words;
    byId("more").hidden = all.length <= room;
    document.querySelectorAll("#choices button").forEach((button, number) =>
      button.setAttribute("aria-pressed", String(!wanted.trim() && number === chosen)));
  }

  function choose(number) {
    [chosen, room, wanted] = [number, PAGE, ""];
    byId("find").value = "";
    draw();
  }

  function show() {
    const into = byId("opened");
    const total = (test) => [...patients.values()].filter(test).length;
    if (!total(isCritical)) chosen = total(isUnread) ? 1 : 3;
    into.append(
      el("p", `${place.place}. Results since ${place.since}, and older ones that nobody has reviewed. What came after ${place.written} is not here: ring the department.`),
      el("h2", "Find a patient"),
      el("div", "", { class: "no-print" }, el("label", "Name, NHS number, date of birth or reference", { for: "find" }), el("input", "", { id: "find", type: "search", autocomplete: "off", spellcheck: "false" })),
      el("div", "", { id: "choices", class: "no-print", role: "group", "aria-label": "Lists" }),
      el("p", "", { id: "count", role: "status" }), el("div", "", { id: "cards" }),
      el("div", "", { class: "no-print" }, button("more", "Show more", () => { room += PAGE; draw(); }),
        button("print", "Print these patients", () => { room = Infinity; draw(); window.print(); })),
      el("h2", "Telephones and mailboxes"), ...others.contact.map(contact),
      el("h2", "Blank forms"), ...others.form.map(form));
    CHOICES.forEach(([words, test], number) => byId("choices").append(button("", `${words} (${total(test)})`, () => choose(number))));
    byId("find").addEventListener("input", (event) => { wanted = event.target.value; room = PAGE; draw(); });
    draw();
    byId("shut").hidden = true;
    into.hidden = false;
    byId("find").focus();
  }

  function button(id, words, press) {
    const made = el("button", words, { type: "button", class: "other", ...(id ? { id } : {}) });
    made.addEventListener("click", press);
    return made;
  }

  function contact({ name, what, lines }) {
    return el("details", "", { class: "no-print" }, el("summary", `${name}, ${what}`), factsList(lines));
  }

  function form(sheet) {
    const items = (list) => list.map((words) => el("li", words));
    const print = button("", "Print this form", () => {
      const hidden = [...document.querySelectorAll("header, main > *, #opened > *")].filter((each) => !each.contains(print));
      hidden.forEach((each) => each.classList.add("no-print"));
      window.print();
      hidden.forEach((each) => each.classList.remove("no-print"));
    });
    print.classList.add("no-print");
    const made = el("details", "", {}, el("summary", `Form of ${sheet.department}`, { class: "no-print" }), print,
      el("article", "", { class: "sheet" }, el("h3", `Downtime request form: ${sheet.department}`), factsList(sheet.send_to),
        el("h4", "What the department must do"), el("ol", "", {}, ...items(sheet.to_do)),
        el("h4", "To be written by who asks"), el("ul", "", { class: "boxes" }, ...items(sheet.blanks)),
        el("h4", "At the department"), el("ul", "", { class: "boxes" }, ...items(sheet.boxes))));
    return made;
  }

  byId("open").addEventListener("submit", async (event) => {
    event.preventDefault();
    const said = byId("said");
    said.className = "";
    said.textContent = "Opening: this takes a few seconds.";
    byId("press").disabled = true;
    try {
      sort(await open(byId("passphrase").value));
      byId("passphrase").value = "";
      said.textContent = "The pack is open. Nothing in it can be changed.";
      show();
    } catch (failure) {
      said.className = "error";
      said.textContent = [WRONG, DAMAGED].includes(failure.message) ? failure.message : `${DAMAGED} (${failure.name})`;
      byId("press").disabled = false;
      byId("passphrase").focus();
    }
  });
  if (globalThis.crypto?.subtle && "DecompressionStream" in globalThis) {
    byId("damaged").remove();
    byId("press").disabled = false;
  }
})();
