// The caller page: a call by WHIP, captions and typed lines over its data channel. No build, no dependencies.
import { WORDS } from "/call/words.js";
import { Call } from "/call/whip.js";

const $ = (id) => document.getElementById(id);
const query = new URLSearchParams(location.search);
const fragment = new URLSearchParams(location.hash.slice(1));
const ui = { language: "nl", organisation: "", call: null, since: 0, timer: 0, sent: [], guess: null, hasCalled: false };

// -- words ----------------------------------------------------------------------------------------------

const words = () => WORDS[ui.language];

function speak(language) {
  ui.language = language in WORDS ? language : "nl";
  document.documentElement.lang = ui.language;
  for (const element of document.querySelectorAll("[data-t]")) element.textContent = words()[element.dataset.t];
  for (const element of document.querySelectorAll("[data-t-label]")) {
    element.setAttribute("aria-label", words()[element.dataset.tLabel]);
  }
  for (const button of document.querySelectorAll("[data-language]")) {
    button.setAttribute("aria-pressed", String(button.dataset.language === ui.language));
  }
  if (ui.hasCalled) $("call").lastElementChild.textContent = words().callAgain;
  document.title = ui.organisation ? `${words().title} – ${ui.organisation}` : words().title;
  drawKeypad();
  drawStatus();
}

// -- state ----------------------------------------------------------------------------------------------

function become(state, status) {
  document.body.dataset.state = state;
  ui.status = status;
  drawStatus();
}

function drawStatus() {
  if (ui.status) $("status").textContent = words()[ui.status];
}

function notice(text) {
  $("notice").textContent = text;
  $("notice").hidden = !text;
}

function tick() {
  const seconds = Math.floor((performance.now() - ui.since) / 1000);
  $("clock").textContent = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}

function liveStatus() {
  if (!ui.call.hasMicrophone) return "liveText";
  return ui.call.isMuted ? "muted" : "live";
}

// -- the call -------------------------------------------------------------------------------------------

async function begin(wantsMicrophone) {
  if (ui.call) return;
  ui.sent = [];
  ui.guess = null;
  notice("");
  $("captions").replaceChildren();
  $("clock").textContent = "";
  $("read").checked = !wantsMicrophone;
  readAloud();
  become("connecting", wantsMicrophone ? "microphone" : "connecting");
  $("main").focus();
  const call = new Call({
    line: query.get("line") ?? ui.language,
    token: fragment.get("token") ?? "",
    onVoice: (stream) => { $("voice").srcObject = stream; },
    onMessage: take,
    onShaky: (isShaky) => become("live", isShaky ? "shaky" : liveStatus()),
    onEnded: ended,
  });
  ui.call = call;
  try {
    await call.askMicrophone(wantsMicrophone);
    if (wantsMicrophone && !call.hasMicrophone) {
      notice(window.isSecureContext ? words().noMicrophone : words().notSecure);
    }
    become("connecting", "connecting");
    await call.start();
  } catch (error) {
    if (ui.call === call) fail(error.code ?? "failed");
    return;
  }
  if (ui.call !== call) return;
  ui.since = performance.now();
  ui.timer = setInterval(tick, 1000);
  ui.hasCalled = true;
  $("mute").disabled = !call.hasMicrophone;
  $("mute").setAttribute("aria-pressed", "false");
  become("live", liveStatus());
  if (!call.hasMicrophone) $("line").focus();
}

function fail(code) {
  const call = ui.call;
  ui.call = null;
  call?.end();
  become("ended", "ended");
  $("status").textContent = "";
  ui.status = "";
  notice(words().problems[code] ?? words().problems.failed);
  $("call").focus();
}

function ended(cause) {
  if (!ui.call) return;
  ui.call = null;
  clearInterval(ui.timer);
  dropGuess();
  closeKeypad();
  become("ended", cause === "network" || cause === "media_lost" ? "endedByNetwork" : "ended");
  $("call").lastElementChild.textContent = words().callAgain;
  $("call").focus();
}

// -- captions and lines ---------------------------------------------------------------------------------

function take(message) {
  if (message.type === "caption") caption(message);
}

function caption({ speaker, text, lang, final }) {
  if (speaker === "caller" && final) {
    dropGuess();
    const echoed = ui.sent.indexOf(text);
    if (echoed >= 0) { ui.sent.splice(echoed, 1); return; }
  }
  if (!final) {
    if (!ui.guess) ui.guess = show(speaker, text, lang, true);
    ui.guess.lastChild.textContent = text;
    ui.guess.lang = lang;
    return;
  }
  show(speaker, text, lang, false);
}

function show(speaker, text, lang, isGuess) {
  const line = document.createElement("p");
  const who = document.createElement("b");
  who.textContent = words()[speaker] ?? speaker;
  who.lang = ui.language;
  const kind = ["bot", "caller", "agent"].includes(speaker) ? speaker : "bot";
  line.className = kind;
  line.classList.toggle("guess", isGuess);
  line.classList.toggle("again", $("captions").lastElementChild?.classList.contains(kind) ?? false);
  line.lang = lang;
  if (isGuess) line.setAttribute("aria-hidden", "true");
  line.append(who, document.createTextNode(text));
  const log = $("captions");
  log.append(line);
  while (log.childElementCount > 300) log.firstElementChild.remove();
  log.scrollTop = log.scrollHeight;
  return line;
}

function dropGuess() {
  ui.guess?.remove();
  ui.guess = null;
}

function readAloud() {
  $("captions").setAttribute("aria-live", $("read").checked ? "polite" : "off");
}

function sendLine(event) {
  event.preventDefault();
  const text = $("line").value.split(/\s+/).join(" ").trim();
  if (!text || !ui.call?.send({ type: "text", text })) return;
  ui.sent.push(text);
  show("caller", text, ui.language, false);
  $("line").value = "";
}

let typedAt = 0;
function typing() {
  const now = performance.now();
  if (now - typedAt > 2000 && $("line").value) {
    typedAt = now;
    ui.call?.send({ type: "typing" });
  }
}

// -- keypad ---------------------------------------------------------------------------------------------

function drawKeypad() {
  const named = { "*": words().star, "#": words().hash };
  $("keypad").replaceChildren(...[..."123456789*0#"].map((digit) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = digit;
    button.setAttribute("aria-label", named[digit] ?? digit);
    button.addEventListener("click", () => press(digit));
    return button;
  }));
}

function press(digit) {
  if (!ui.call?.send({ type: "key", digit })) return;
  const name = { "*": words().star, "#": words().hash }[digit] ?? digit;
  $("status").textContent = `${words().pressed} ${name}`;
  setTimeout(() => { if (ui.call) drawStatus(); }, 1500);
}

function closeKeypad() {
  $("keypad").hidden = true;
  $("keys").setAttribute("aria-expanded", "false");
}

function toggleKeypad() {
  $("keypad").hidden = !$("keypad").hidden;
  $("keys").setAttribute("aria-expanded", String(!$("keypad").hidden));
  if (!$("keypad").hidden) $("keypad").firstElementChild.focus();
}

function keyPressed(event) {
  if (!ui.call || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "Escape" && !$("keypad").hidden) {
    closeKeypad();
    $("keys").focus();
  } else if (/^[0-9*#]$/.test(event.key) && event.target.tagName !== "INPUT") {
    press(event.key);
  }
}

function toggleMute() {
  if (!ui.call?.hasMicrophone) return;
  ui.call.mute(!ui.call.isMuted);
  $("mute").setAttribute("aria-pressed", String(ui.call.isMuted));
  become("live", liveStatus());
}

// -- start ----------------------------------------------------------------------------------------------

for (const button of document.querySelectorAll("[data-language]")) {
  button.addEventListener("click", () => speak(button.dataset.language));
}
$("call").addEventListener("click", () => begin(true));
$("call-text").addEventListener("click", () => begin(false));
$("end").addEventListener("click", () => { ui.call?.end(); ended("us"); });
$("mute").addEventListener("click", toggleMute);
$("keys").addEventListener("click", toggleKeypad);
$("human").addEventListener("click", () => press("0"));
$("type").addEventListener("submit", sendLine);
$("line").addEventListener("input", typing);
$("read").addEventListener("change", readAloud);
addEventListener("keydown", keyPressed);
new ResizeObserver(() => { $("captions").scrollTop = $("captions").scrollHeight; }).observe($("captions"));
addEventListener("pagehide", () => ui.call?.end());

const wanted = query.get("lang") ?? navigator.language.slice(0, 2);
speak(wanted === "nl" ? "nl" : "en");
try {
  ui.organisation = (await (await fetch("/call/about.json")).json()).organisation;
  $("organisation").textContent = ui.organisation;
  speak(ui.language);
} catch { /* the page works without its name */ }
