// After a call: what came of it, and a note. Drafts survive a reload of this window, and go when saved.
import { $, callerName, make } from "/desk/desk-view.js";
import { word } from "/desk/desk-words.js";

const CODES = ["solved", "callback", "handed_on", "not_reached", "complaint", "other"];
const KEPT = "desk-note-";

export class WrapUps {
  constructor({ save, skip, next, changed }) {
    Object.assign(this, { save, skip, next, changed });
    this.waiting = []; // {call, briefing}, oldest first
    this.isNextWanted = false;
    $("wrap-form").addEventListener("submit", (event) => this.submit(event));
    $("wrap-skip").addEventListener("click", () => this.current && this.skip(this.current.call));
    $("note").addEventListener("input", () => this.keep());
  }

  get current() {
    return this.waiting.at(-1);
  }

  /** A call is over: ask about it. */
  add(call, briefing, suggested) {
    if (this.waiting.some((known) => known.call === call)) return;
    this.waiting.push({ call, briefing });
    this.show(suggested);
  }

  show(suggested = "") {
    const current = this.current;
    if (!current) return;
    this.words();
    $("note").value = sessionStorage.getItem(KEPT + current.call) ?? "";
    $("wrap-problem").textContent = "";
    const chosen = $("codes").querySelector(`input[value="${suggested}"]`);
    for (const input of $("codes").querySelectorAll("input")) input.checked = input === chosen;
    this.changed();
  }

  /** Write the words anew, in the language of the page. */
  words() {
    const chosen = $("codes").querySelector("input:checked")?.value;
    $("codes").replaceChildren(
      ...CODES.map((code) => {
        const input = make("input", { type: "radio", name: "code", value: code });
        input.checked = code === chosen;
        return make("label", {}, input, word(code));
      }),
    );
    if (this.current) $("wrap-title").textContent = word("wrap_title", { caller: callerName(this.current.briefing) });
  }

  keep() {
    if (this.current) sessionStorage.setItem(KEPT + this.current.call, $("note").value);
  }

  submit(event) {
    event.preventDefault();
    const code = $("codes").querySelector("input:checked")?.value;
    if (!code) {
      $("wrap-problem").textContent = word("choose_code");
      $("codes").querySelector("input").focus();
      return;
    }
    this.isNextWanted = event.submitter?.id === "wrap-next";
    this.save(this.current.call, code, $("note").value);
  }

  /** It was stored or skipped, here or in another window. */
  settled(call) {
    const isCurrent = this.current?.call === call;
    this.waiting = this.waiting.filter((known) => known.call !== call);
    sessionStorage.removeItem(KEPT + call);
    this.show();
    this.changed();
    if (isCurrent && this.isNextWanted) this.next();
    this.isNextWanted = false;
  }

  forget() {
    for (const { call } of this.waiting) sessionStorage.removeItem(KEPT + call);
    this.waiting = [];
  }
}
