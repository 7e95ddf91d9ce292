// The agent desk. The server's messages are the truth; this page shows them and sends what is pressed.
import { Audio, RingTone, checkMicrophone, microphoneProblem } from "/desk/desk-call.js";
import { Link } from "/desk/desk-link.js";
import { $, announce, callerName, fillAgents, fillBriefing, fillCallbacks, fillQueues, fillTargets, languageName, make, queueLabel, stateName, talkLine } from "/desk/desk-view.js";
import { applyWords, clockTime, inWords, switchLanguage, word } from "/desk/desk-words.js";
import { WrapUps } from "/desk/desk-wrap-up.js";

const CALLBACKS_EVERY_MS = 300_000;
const MAX_LINES = 200;
const KEYS_KEPT = "desk-keys";

const desk = {
  welcome: null, board: { state: "offline", agents: [], queues: [] }, boardAt: 0, isConnected: false, wish: "",
  ring: null, ringAt: 0, call: null, callAt: 0, audio: null, audioFor: "", callbacks: [], microphone: "unknown", expected: "",
};
const tone = new RingTone();
const link = new Link({ message: received, open: connected, lost, loggedOut: showLogin, tooMany: () => notice(word("too_many_pages")) });
const wrapUps = new WrapUps({
  save: (call, code, note) => say({ type: "wrap_up", call, code, note }),
  skip: (call) => say({ type: "skip_wrap_up", call }),
  next: () => setState("available"),
  changed: () => show(),
});

// -- logging in ---------------------------------------------------------------------------------------

async function logIn(event) {
  event.preventDefault();
  const form = event.target;
  const button = form.querySelector("[type=submit]");
  button.disabled = true;
  $("login-problem").textContent = "";
  try {
    const body = JSON.stringify({ agent: form.agent.value, password: form.password.value });
    const response = await fetch("/desk/login", { method: "POST", headers: { "Content-Type": "application/json" }, body });
    const found = await response.json().catch(() => ({}));
    if (response.ok) {
      form.reset();
      link.start();
      return;
    }
    const keys = { 401: "login_wrong", 429: "login_too_many", 503: "login_storage" };
    $("login-problem").textContent = word(keys[response.status] ?? "login_failed", { n: found.seconds });
    form.password.select();
  } catch {
    $("login-problem").textContent = word("login_failed");
  } finally {
    button.disabled = false;
  }
}

async function logOut() {
  link.stop();
  wrapUps.forget();
  await fetch("/desk/logout", { method: "POST" }).catch(() => {});
  showLogin();
}

function showLogin() {
  endAudio();
  Object.assign(desk, { ring: null, call: null, isConnected: false });
  tone.stop();
  $("desk-view").hidden = true;
  $("login-view").hidden = false;
  $("login-agent").focus();
}

// -- the server ---------------------------------------------------------------------------------------

function connected() {
  desk.isConnected = true;
  notice("");
}

function lost() {
  desk.isConnected = false;
  if (!desk.welcome) return;
  notice(word("offline_notice"));
  show();
}

function say(message) {
  if (!link.send(message)) notice(word("offline_notice"));
}

const HEARD = {
  welcome(said) {
    desk.welcome = said;
    Object.assign(desk, { ring: null, call: null }); // told anew, if there are any
    tone.stop();
    $("login-view").hidden = true;
    $("desk-view").hidden = false;
    say({ type: "callbacks" });
  },
  board(said) {
    Object.assign(desk, { board: said, boardAt: performance.now() });
    if (!["ringing", "busy"].includes(said.state)) desk.wish = "";
  },
  present() {
    if (!desk.call && desk.audioFor && !desk.ring) endAudio(); // the call ended while we were away
  },
  ring(said) {
    if (desk.ring?.ring === said.ring) return;
    Object.assign(desk, { ring: said, ringAt: performance.now() });
    $("ring-problem").textContent = "";
    if (said.briefing.call === desk.expected) return accept(); // the agent asked for it: Call back
    const about = { caller: callerName(said.briefing), language: languageName(said.briefing.language) };
    tone.start();
    announce(word("ring_announce", about));
    notify(word("ring_announce", about));
  },
  ring_over(said) {
    if (desk.ring?.ring !== said.ring) return;
    desk.ring = null;
    tone.stop();
    if (said.why === "accepted") return;
    if (desk.audioFor === said.ring) endAudio();
    notice(word(`ring_over_${said.why}`, {}, "ring_over_failed"), true);
  },
  answer(said) {
    if (said.to === desk.audioFor) desk.audio.answered(said.sdp).catch(() => endAudio());
  },
  call(said) {
    const isNew = desk.call?.call !== said.call;
    Object.assign(desk, { call: said, callAt: performance.now(), ring: null, expected: "" });
    tone.stop();
    notice("");
    if (isNew && $("lines").dataset.call !== said.call) {
      $("lines").dataset.call = said.call;
      $("lines").replaceChildren();
      $("stage").focus();
    }
    if (said.is_here) desk.audio?.mute(said.is_muted || said.is_holding);
    else if (said.is_open_elsewhere) endAudio();
    if ((said.is_here && !desk.audio) || (!said.is_here && !said.is_open_elsewhere)) rejoin();
  },
  away() {
    if (desk.call?.is_here) {
      desk.call.is_away = true;
      rejoin();
    }
  },
  call_over(said) {
    const call = desk.call?.call === said.call ? desk.call : null;
    if (call) {
      desk.call = null;
      endAudio();
    }
    say({ type: "callbacks" });
    notice(word(`over_${said.why}`, {}, "over_us"), true);
    wrapUps.add(said.call, said.briefing, said.why === "handed_on" ? "handed_on" : "");
  },
  wrap_up_due(said) {
    wrapUps.add(said.call, said.briefing, "");
  },
  caption(said) {
    if (said.final !== false) addLine(said.speaker, said.text);
  },
  digits(said) {
    addLine("keypad", said.digits);
  },
  callbacks(said) {
    desk.callbacks = said.items;
  },
  wrapped_up(said) {
    wrapUps.settled(said.call);
  },
  refused(said) {
    if (["accept", "rejoin"].includes(said.what) && (desk.ring || !desk.call?.is_here || desk.call.is_away)) endAudio();
    if (said.what === "rejoin" && desk.call && !desk.call.is_open_elsewhere) setTimeout(rejoin, 1500);
    if (said.what === "wrap_up") $("wrap-problem").textContent = word(`refused_${said.why}`);
    else notice(word(`refused_${said.why}`), true);
  },
};

function received(said) {
  HEARD[said.type]?.(said);
  show();
}

// -- taking a call ------------------------------------------------------------------------------------

async function accept() {
  const ring = desk.ring;
  if (!ring || desk.audioFor) return;
  await connectAudio(ring.ring, (sdp) => {
    if (desk.ring?.ring === ring.ring) say({ type: "accept", ring: ring.ring, sdp });
    else endAudio();
  });
}

async function rejoin() {
  const call = desk.call?.call;
  if (!call || desk.audioFor === call) return;
  await connectAudio(call, (sdp) => say({ type: "rejoin", call, sdp }));
}

/** Make an offer and send it; the answer comes as a message. */
async function connectAudio(reference, send) {
  endAudio();
  const audio = new Audio($("voice"), desk.welcome.ice_servers ?? [], () => {
    if (desk.audio !== audio) return;
    endAudio();
    if (desk.call?.is_here) setTimeout(rejoin, 500);
  });
  Object.assign(desk, { audio, audioFor: reference });
  show();
  try {
    send(await audio.offer());
    desk.microphone = "ok";
  } catch (error) {
    if (desk.audio !== audio) return;
    endAudio();
    desk.microphone = microphoneProblem(error);
    const problem = word(`mic_${desk.microphone}`);
    if (desk.ring) $("ring-problem").textContent = problem;
    else notice(problem);
  }
  show();
}

function endAudio() {
  desk.audio?.close();
  Object.assign(desk, { audio: null, audioFor: "" });
}

function decline() {
  if (desk.ring && !desk.audioFor) say({ type: "decline", ring: desk.ring.ring });
}

function inCall(message) {
  if (desk.call?.is_here) say({ ...message, call: desk.call.call });
}

async function setState(state) {
  desk.wish = ["ringing", "busy"].includes(desk.board.state) ? state : "";
  say({ type: "state", state });
  if (state === "available" && desk.microphone !== "ok" && !desk.audio) {
    desk.microphone = await checkMicrophone();
    show();
  }
}

// -- showing ------------------------------------------------------------------------------------------

function show() {
  if (!desk.welcome) return;
  const { ring, call, board } = desk;
  const isCallHere = call && (call.is_here || !call.is_open_elsewhere);
  $("organisation").textContent = desk.welcome.organisation;
  $("agent-name").textContent = desk.welcome.agent.name;
  $("ringing").hidden = !ring;
  $("call").hidden = !isCallHere;
  $("elsewhere").hidden = !call || Boolean(isCallHere);
  $("wrap-up").hidden = Boolean(call) || Boolean(ring) || !wrapUps.current;
  $("idle").hidden = Boolean(ring) || Boolean(call) || Boolean(wrapUps.current);
  showState(desk.isConnected ? board.state : "offline");
  if (ring) showRing(ring);
  if (isCallHere) showCall(call);
  showTimes();
  fillAgents(board.agents);
  fillCallbacks(desk.callbacks, Date.now(), callbackActions);
  document.title = ring ? `☎ ${callerName(ring.briefing)}` : `${stateName(board.state)} · ${word("desk")}`;
}

function showState(state) {
  $("state-pill").className = `pill ${state}`;
  $("state-text").textContent = desk.wish ? `${stateName(state)}, ${word("wish", { state: stateName(desk.wish).toLowerCase() })}` : stateName(state);
  for (const id of ["be-available", "be-break"]) {
    $(id).setAttribute("aria-pressed", String((desk.wish || state) === $(id).dataset.state));
  }
  $("idle-title").textContent = word(`idle_${state}`);
  $("idle-text").textContent = word(`idle_${state}_text`);
  $("mic-line").textContent = word(`mic_${desk.microphone}`);
  $("allow-notes").hidden = !("Notification" in window) || Notification.permission !== "default";
}

function showRing({ ring, briefing }) {
  $("ring-title").textContent = callerName(briefing);
  $("ring-language").textContent = languageName(briefing.language);
  $("ring-queue").textContent = queueName(briefing.queue);
  $("accept").disabled = $("decline").disabled = Boolean(desk.audioFor);
  $("accept").querySelector("span").textContent = word(desk.audioFor ? "connecting" : "accept");
  if ($("ringing").dataset.ring !== ring) {
    $("ringing").dataset.ring = ring;
    fillBriefing($("ring-briefing"), briefing);
    $("accept").focus({ preventScroll: true });
  }
}

function showCall(call) {
  const { briefing } = call;
  let status = "in_call";
  if (call.is_muted) status = "muted";
  if (call.is_holding) status = "on_hold";
  if (call.handed_to) status = "handing_on";
  if (call.is_away || !call.is_here) status = "reconnecting";
  $("call-status").textContent = word(status);
  $("call-title").textContent = callerName(briefing);
  $("call-language").textContent = languageName(briefing.language);
  $("call-queue").textContent = queueName(briefing.queue);
  $("mute").setAttribute("aria-pressed", String(call.is_muted));
  $("hold").setAttribute("aria-pressed", String(call.is_holding));
  for (const id of ["mute", "hold", "hand-on", "end"]) $(id).disabled = !call.is_here || (id !== "end" && Boolean(call.handed_to));
  $("line").disabled = !call.is_here || call.is_holding;
  if ($("call").dataset.call !== call.call) {
    $("call").dataset.call = call.call;
    fillBriefing($("call-briefing"), briefing);
  }
}

function showTimes() {
  if (!desk.welcome) return;
  const now = performance.now();
  fillQueues(desk.board.queues, (now - desk.boardAt) / 1000);
  if (desk.call) $("call-time").textContent = clockTime(desk.call.seconds + (now - desk.callAt) / 1000);
  if (desk.ring) {
    const passed = (now - desk.ringAt) / 1000;
    const left = Math.max(0, 1 - passed / Math.max(1, desk.ring.seconds_left));
    $("ring-meter").style.transform = `scaleX(${left})`;
    $("ring-waited").textContent = word("waited", { t: inWords(desk.ring.briefing.waited_seconds + passed) });
  }
}

function queueName(id) {
  const queue = desk.board.queues.find((known) => known.id === id);
  return queue ? queueLabel(queue) : id;
}

function addLine(speaker, text) {
  $("lines").append(talkLine(speaker, text));
  while ($("lines").children.length > MAX_LINES) $("lines").firstElementChild.remove();
}

let noticeTimer = null;
function notice(text, isPassing = false) {
  clearTimeout(noticeTimer);
  $("notice").textContent = text;
  $("notice").hidden = !text;
  $("notice").classList.toggle("passing", isPassing);
  if (isPassing) noticeTimer = setTimeout(() => notice(desk.isConnected ? "" : word("offline_notice")), 8000);
}

function notify(text) {
  if (document.hidden && "Notification" in window && Notification.permission === "granted") {
    const shown = new Notification(word("rings"), { body: text, tag: "ring" });
    shown.onclick = () => window.focus();
  }
}

const callbackActions = {
  callBack(item) {
    desk.expected = `callback-${item.id}`;
    say({ type: "call_back", callback: item.id });
    notice(word("call_back_starts"), true);
  },
  done: (item) => say({ type: "callback_done", callback: item.id }),
};

// -- keys and buttons ---------------------------------------------------------------------------------

const KEYS = {
  a: ["accept", () => (desk.ring ? accept() : null)],
  d: ["decline", () => decline()],
  m: ["mute", () => inCall({ type: "mute", on: !desk.call?.is_muted })],
  h: ["hold", () => inCall({ type: "hold", on: !desk.call?.is_holding })],
  t: ["hand_on", () => openTargets()],
  e: ["end", () => inCall({ type: "end" })],
  b: ["key_available", () => setState("available")],
  p: ["key_break", () => setState("break")],
  "?": ["key_help", () => openKeys()],
};

function areKeysOn() {
  return localStorage.getItem(KEYS_KEPT) !== "off";
}

function pressed(event) {
  const isTyping = event.target.closest("input:not([type=radio], [type=checkbox]), textarea, select, dialog");
  if (isTyping || event.ctrlKey || event.metaKey || event.altKey || event.repeat || !areKeysOn() || $("desk-view").hidden) return;
  const key = KEYS[event.key.toLowerCase()];
  if (key) {
    event.preventDefault();
    key[1]();
  }
}

function openTargets() {
  if (!desk.call?.is_here || desk.call.handed_to) return;
  fillTargets(desk.board.queues, desk.board.agents, (target) => {
    $("hand-dialog").close();
    inCall({ type: "hand_on", target });
  });
  $("hand-dialog").showModal();
}

function openKeys() {
  const rows = Object.entries(KEYS).flatMap(([key, [name]]) => [make("dt", {}, make("kbd", {}, key.toUpperCase())), make("dd", {}, word(name))]);
  $("key-list").replaceChildren(...rows);
  $("keys-on").checked = areKeysOn();
  $("keys-dialog").showModal();
}

const DO = {
  "log-out": logOut,
  keys: openKeys,
  callbacks: () => say({ type: "callbacks" }),
  notes: () => Notification.requestPermission().then(show),
  language() {
    switchLanguage();
    wrapUps.words();
    delete $("ringing").dataset.ring;
    delete $("call").dataset.call;
    show();
  },
};

function wire() {
  $("login-form").addEventListener("submit", logIn);
  for (const button of document.querySelectorAll("[data-do]")) button.addEventListener("click", () => DO[button.dataset.do]());
  for (const id of ["be-available", "be-break"]) $(id).addEventListener("click", () => setState($(id).dataset.state));
  $("accept").addEventListener("click", accept);
  $("decline").addEventListener("click", decline);
  $("take-over").addEventListener("click", rejoin);
  $("mute").addEventListener("click", KEYS.m[1]);
  $("hold").addEventListener("click", KEYS.h[1]);
  $("hand-on").addEventListener("click", openTargets);
  $("end").addEventListener("click", KEYS.e[1]);
  $("line-form").addEventListener("submit", (event) => {
    event.preventDefault();
    const text = $("line").value.trim();
    if (text) inCall({ type: "text", text });
    $("line").value = "";
  });
  $("keys-on").addEventListener("change", () => {
    localStorage.setItem(KEYS_KEPT, $("keys-on").checked ? "on" : "off");
    document.body.classList.toggle("no-keys", !areKeysOn());
  });
  document.addEventListener("keydown", pressed);
  window.addEventListener("beforeunload", (event) => {
    if (desk.call?.is_here) event.preventDefault();
  });
  document.body.classList.toggle("no-keys", !areKeysOn());
  setInterval(showTimes, 500);
  setInterval(() => desk.isConnected && say({ type: "callbacks" }), CALLBACKS_EVERY_MS);
  applyWords();
  link.start();
}

wire();
