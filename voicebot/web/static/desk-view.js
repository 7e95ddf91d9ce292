// What the desk shows, from plain values. Every text from outside goes in by textContent only.
import { clockTime, currentLanguage, inWords, word } from "/desk/desk-words.js";

export const $ = (id) => document.getElementById(id);

export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "className") element.className = value;
    else if (name === "onclick") element.addEventListener("click", value);
    else element.setAttribute(name, value);
  }
  for (const child of children) element.append(child); // strings become text nodes
  return element;
}

export function callerName(briefing) {
  return briefing.caller || word("unknown_caller");
}

export function languageName(code) {
  return word(`lang_${code}`, {}, "lang_nl");
}

const STATES = ["offline", "available", "ringing", "busy", "after_call", "break"];

export function stateName(state) {
  return word(STATES.includes(state) ? state : "offline");
}

/** A queue's name is written as it is spoken: "de werkplaats". */
export function queueLabel(queue) {
  const label = currentLanguage() === "nl" ? queue.nl : queue.en;
  return label.charAt(0).toUpperCase() + label.slice(1);
}

/** The briefing as a list of facts and the last lines. */
export function fillBriefing(target, briefing) {
  const facts = make("dl", { className: "facts" });
  const fact = (key, value, className = "") => {
    if (!value || !value.length) return;
    facts.append(make("dt", {}, word(key)));
    const shown = Array.isArray(value) ? make("ul", {}, ...value.map((item) => make("li", {}, item))) : value;
    facts.append(make("dd", { className }, shown));
  };
  fact("asked", briefing.asked, "lead");
  fact("reason", briefing.reason);
  fact("tried", briefing.tried);
  target.replaceChildren();
  if (facts.children.length) target.append(facts);
  if (briefing.last_lines.length) {
    const talk = make("ol", { className: "talk" });
    for (const line of briefing.last_lines) talk.append(talkLine(line.speaker, line.text));
    target.append(make("div", {}, make("h3", {}, word("last_lines")), talk));
  }
  if (!target.children.length) target.append(make("p", { className: "soft" }, word("nothing_known")));
}

export function talkLine(speaker, text) {
  const known = ["bot", "caller", "agent", "keypad"].includes(speaker) ? speaker : "caller";
  return make("li", { className: known }, make("b", {}, word(known)), text);
}

export function fillQueues(queues, sinceSeconds) {
  const rows = queues.map((queue) => {
    const isQuiet = queue.waiting === 0;
    return make(
      "tr",
      isQuiet ? { className: "quiet" } : {},
      make("th", { scope: "row" }, queueLabel(queue)),
      make("td", {}, String(queue.waiting)),
      make("td", {}, isQuiet ? word("nobody") : clockTime(queue.longest_seconds + sinceSeconds)),
    );
  });
  $("queues").replaceChildren(...rows);
}

export function fillAgents(agents) {
  const rows = agents.map((agent) => make("li", {}, make("span", { className: "who" }, agent.name), status(agent.state)));
  $("agents").replaceChildren(...rows);
  $("agents").closest("section").hidden = rows.length === 0;
}

export function status(state) {
  const known = STATES.includes(state) ? state : "offline";
  return make("span", { className: `status ${known}` }, make("span", { className: "dot", "aria-hidden": "true" }), make("span", {}, stateName(known)));
}

/** The callback list; `actions`: {callBack(item), done(item)}. */
export function fillCallbacks(items, now, actions) {
  $("no-callbacks").hidden = items.length > 0;
  $("callbacks").replaceChildren(
    ...items.map((item) => {
      const left = (new Date(item.due).getTime() - now) / 1000;
      const due = left >= 0 ? word("due_in", { t: inWords(left) }) : word("overdue", { t: inWords(-left) });
      const who = make("strong", { className: "figures" }, item.contact || word("unknown_caller"));
      const chips = make("p", { className: "chips" }, make("span", { className: "chip strong" }, languageName(item.language)));
      chips.append(make("span", { className: left < 0 ? "chip late" : "chip" }, due));
      const row = make("li", {}, make("div", { className: "head" }, who, chips));
      if (item.message || item.reason) row.append(make("p", { className: "small soft" }, item.message || item.reason));
      if (item.claimed_by) {
        row.append(make("p", { className: "small" }, word("claimed", { name: item.claimed_by })));
      } else {
        const about = { "aria-label": `${word("call_back")}: ${item.contact}`, type: "button" };
        const call = make("button", { ...about, onclick: () => actions.callBack(item) }, word("call_back"));
        const doneLabel = { "aria-label": `${word("done")}: ${item.contact}`, type: "button" };
        const done = make("button", { ...doneLabel, className: "quiet", onclick: () => actions.done(item) }, word("done"));
        row.append(make("div", { className: "row" }, call, done));
      }
      return row;
    }),
  );
}

/** Who a call can be handed on to; `choose` gets 'queue:…' or 'agent:…'. */
export function fillTargets(queues, agents, choose) {
  const row = (name, detail, target) => {
    const button = make("button", { type: "button", "aria-label": `${word("hand_on")}: ${name}`, onclick: () => choose(target) }, word("hand_on"));
    return make("li", {}, make("span", {}, make("span", { className: "who" }, name), " ", detail), button);
  };
  const there = agents.filter((agent) => !["offline", "break"].includes(agent.state));
  $("targets").replaceChildren(
    ...there.map((agent) => row(agent.name, status(agent.state), `agent:${agent.id}`)),
    ...queues.map((queue) => row(queueLabel(queue), make("span", { className: "soft small" }, `${word("waiting")}: ${queue.waiting}`), `queue:${queue.id}`)),
  );
}

export function announce(text) {
  $("announce").textContent = "";
  setTimeout(() => ($("announce").textContent = text), 50); // a change, also when it is the same text
}
