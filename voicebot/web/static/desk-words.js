// All words of the desk, in both languages. The page never shows text from outside as markup.
const WORDS = {
  nl: {
    desk: "Werkplek", other_language: "English", other_language_code: "en",
    login_intro: "Log in om gesprekken aan te nemen.", agent_name: "Naam", password: "Wachtwoord",
    log_in: "Inloggen", log_out: "Uitloggen", login_wrong: "Naam of wachtwoord klopt niet.",
    login_too_many: "Te veel pogingen. Probeer het over {n} seconden opnieuw.",
    login_storage: "De gegevens zijn nu niet bereikbaar. Probeer het zo opnieuw.",
    login_failed: "Inloggen lukt nu niet. Probeer het zo opnieuw.",
    skip: "Naar het gesprek", my_state: "Mijn status", keys: "Sneltoetsen", overview: "Overzicht",
    available: "Beschikbaar", break: "Pauze", ringing: "Gaat over", busy: "In gesprek",
    after_call: "Nawerk", offline: "Afwezig",
    idle_available: "Klaar voor het volgende gesprek", idle_available_text: "Deze pagina gaat over als er iemand voor u is.",
    idle_break: "U heeft pauze", idle_break_text: "Kies Beschikbaar als u weer gesprekken kunt aannemen.",
    idle_after_call: "Nawerk", idle_after_call_text: "Na enige tijd bent u vanzelf weer beschikbaar.",
    idle_offline: "Geen verbinding", idle_offline_text: "Even geduld, de verbinding wordt hersteld.",
    idle_ringing: "Er wordt een gesprek voor u klaargezet", idle_ringing_text: "",
    idle_busy: "In gesprek", idle_busy_text: "",
    wish: "na dit gesprek: {state}",
    mic_ok: "Microfoon: klaar.", mic_denied: "De microfoon is geblokkeerd. Sta hem toe bij het slotje in de adresbalk.",
    mic_missing: "Geen microfoon gevonden. Sluit een headset aan.", mic_unknown: "De microfoon wordt gevraagd zodra u beschikbaar bent.",
    mic_insecure: "Deze pagina moet via https geopend zijn om te kunnen bellen.",
    notes_on: "Meldingen aanzetten", rings: "Binnenkomend gesprek", accept: "Aannemen", decline: "Weigeren",
    connecting: "Verbinden…", mute: "Dempen", hold: "In wacht", hand_on: "Doorgeven", end: "Ophangen",
    in_call: "In gesprek", on_hold: "In de wacht", muted: "Gedempt", reconnecting: "Verbinding herstellen…",
    handing_on: "Doorgeven…", briefing: "Waar het om gaat", asked: "Vraag", reason: "Reden", tried: "Al geprobeerd",
    last_lines: "Laatste zinnen", waited: "wacht {t}", unknown_caller: "Onbekend nummer", nothing_known: "Er is nog niets bekend van deze beller.",
    lang_nl: "Nederlands", lang_en: "Engels", bot: "Bot", caller: "Beller", agent: "U", keypad: "Toets",
    typed_lines: "Getypt", type_line: "Typ een regel aan de beller", send: "Verstuur",
    disposition: "Resultaat", solved: "Opgelost", callback: "Terugbellen", handed_on: "Doorgegeven", not_reached: "Niet bereikt",
    complaint: "Klacht", other: "Anders", note: "Notitie", note_hint: "Schrijf geen rekeningnummers of burgerservicenummers op; die worden weggelaten.",
    save: "Opslaan", save_and_available: "Opslaan en beschikbaar", skip_wrap_up: "Overslaan", saved: "Opgeslagen.",
    wrap_title: "Nawerk: {caller}", choose_code: "Kies een resultaat.",
    queues: "Wachtrijen", queue: "Rij", waiting: "Wachtend", longest: "Langst", nobody: "–",
    colleagues: "Collega's", callbacks: "Terugbellen", no_callbacks: "Er is niemand om terug te bellen.", refresh: "Vernieuwen",
    call_back: "Bel terug", done: "Afgehandeld", due_in: "over {t}", overdue: "{t} te laat", claimed: "bij {name}",
    call_back_starts: "Eerst gaat uw eigen werkplek over, daarna de beller.",
    hand_on_to: "Doorgeven aan", hand_on_hint: "De beller wacht bij de bot tot er iemand opneemt.", cancel: "Annuleren", close: "Sluiten",
    keys_on: "Sneltoetsen gebruiken", key_available: "Beschikbaar", key_break: "Pauze", key_help: "Dit overzicht",
    elsewhere_title: "Dit gesprek loopt in een ander venster", elsewhere_text: "U kunt het hierheen halen.", take_over: "Hierheen halen",
    offline_notice: "De verbinding met de server is weg. Er wordt opnieuw verbonden…",
    too_many_pages: "U heeft te veel vensters open. Sluit er een en laad deze pagina opnieuw.",
    ring_over_accepted_elsewhere: "Het gesprek is in een ander venster aangenomen.", ring_over_caller_gone: "De beller heeft opgehangen.",
    ring_over_no_answer: "Niet opgenomen. U staat op pauze.", ring_over_declined: "Geweigerd.", ring_over_no_media: "Er kwam geen geluid tot stand; de beller is terug bij de bot.",
    ring_over_unreachable: "Het gesprek ging niet door.", ring_over_busy: "Het gesprek ging niet door.", ring_over_failed: "Het gesprek ging niet door.",
    over_peer: "U heeft opgehangen.", over_us: "Het gesprek is beëindigd.", over_handed_on: "Doorgegeven.",
    over_media_lost: "Het geluid viel weg; de beller is terug bij de bot.", over_network: "De verbinding viel weg; de beller is terug bij de bot.", over_error: "Het gesprek brak af; de beller is terug bij de bot.",
    refused_stale: "Dit gesprek is er niet meer.", refused_accepted_elsewhere: "In een ander venster aangenomen.", refused_no_media: "Er kwam geen geluid tot stand.",
    refused_unknown_target: "Die collega of rij kan nu niets aannemen.", refused_storage: "Opslaan lukt nu niet; probeer het zo opnieuw.", refused_not_allowed: "Dat mag niet.",
    refused_busy: "U heeft al een gesprek.", refused_malformed: "Dat kon niet worden gelezen.", refused_gone: "Een collega is er al mee bezig.", refused_failed: "Dat lukt nu niet.",
    ring_announce: "Binnenkomend gesprek, {caller}, {language}.", minutes: "{n} min", seconds: "{n} s", hours: "{n} uur",
  },
  en: {
    desk: "Desk", other_language: "Nederlands", other_language_code: "nl",
    login_intro: "Log in to take calls.", agent_name: "Name", password: "Password",
    log_in: "Log in", log_out: "Log out", login_wrong: "Name or password is not right.",
    login_too_many: "Too many tries. Try again in {n} seconds.",
    login_storage: "The data cannot be reached now. Try again in a moment.",
    login_failed: "Logging in does not work now. Try again in a moment.",
    skip: "To the call", my_state: "My state", keys: "Shortcuts", overview: "Overview",
    available: "Available", break: "Break", ringing: "Ringing", busy: "In a call",
    after_call: "After-call work", offline: "Away",
    idle_available: "Ready for the next call", idle_available_text: "This page rings when there is somebody for you.",
    idle_break: "You have a break", idle_break_text: "Choose Available when you can take calls again.",
    idle_after_call: "After-call work", idle_after_call_text: "In a while you are available again by itself.",
    idle_offline: "Not connected", idle_offline_text: "One moment, connecting again.",
    idle_ringing: "A call is being brought to you", idle_ringing_text: "",
    idle_busy: "In a call", idle_busy_text: "",
    wish: "after this call: {state}",
    mic_ok: "Microphone: ready.", mic_denied: "The microphone is blocked. Allow it at the padlock in the address bar.",
    mic_missing: "No microphone found. Connect a headset.", mic_unknown: "The microphone is asked for when you become available.",
    mic_insecure: "This page must be opened by https to make calls.",
    notes_on: "Turn notifications on", rings: "Incoming call", accept: "Accept", decline: "Decline",
    connecting: "Connecting…", mute: "Mute", hold: "Hold", hand_on: "Hand on", end: "Hang up",
    in_call: "In a call", on_hold: "On hold", muted: "Muted", reconnecting: "Connecting again…",
    handing_on: "Handing on…", briefing: "What it is about", asked: "Asks", reason: "Reason", tried: "Tried already",
    last_lines: "Last lines", waited: "waiting {t}", unknown_caller: "Unknown number", nothing_known: "Nothing is known of this caller yet.",
    lang_nl: "Dutch", lang_en: "English", bot: "Bot", caller: "Caller", agent: "You", keypad: "Key",
    typed_lines: "Typed", type_line: "Type a line to the caller", send: "Send",
    disposition: "Outcome", solved: "Solved", callback: "Call back", handed_on: "Handed on", not_reached: "Not reached",
    complaint: "Complaint", other: "Other", note: "Note", note_hint: "Do not write account or citizen numbers; they are left out.",
    save: "Save", save_and_available: "Save and available", skip_wrap_up: "Skip", saved: "Saved.",
    wrap_title: "After the call: {caller}", choose_code: "Choose an outcome.",
    queues: "Queues", queue: "Queue", waiting: "Waiting", longest: "Longest", nobody: "–",
    colleagues: "Colleagues", callbacks: "Call back", no_callbacks: "There is nobody to call back.", refresh: "Refresh",
    call_back: "Call back", done: "Done", due_in: "in {t}", overdue: "{t} late", claimed: "with {name}",
    call_back_starts: "Your own desk rings first, then the caller.",
    hand_on_to: "Hand on to", hand_on_hint: "The caller waits with the bot until somebody answers.", cancel: "Cancel", close: "Close",
    keys_on: "Use shortcuts", key_available: "Available", key_break: "Break", key_help: "This list",
    elsewhere_title: "This call is in another window", elsewhere_text: "You can bring it here.", take_over: "Bring it here",
    offline_notice: "The connection to the server is gone. Connecting again…",
    too_many_pages: "You have too many windows open. Close one and reload this page.",
    ring_over_accepted_elsewhere: "The call was accepted in another window.", ring_over_caller_gone: "The caller has hung up.",
    ring_over_no_answer: "Not answered. You have a break now.", ring_over_declined: "Declined.", ring_over_no_media: "There was no audio; the caller is back with the bot.",
    ring_over_unreachable: "The call did not come about.", ring_over_busy: "The call did not come about.", ring_over_failed: "The call did not come about.",
    over_peer: "You have hung up.", over_us: "The call has ended.", over_handed_on: "Handed on.",
    over_media_lost: "The audio was lost; the caller is back with the bot.", over_network: "The connection was lost; the caller is back with the bot.", over_error: "The call broke off; the caller is back with the bot.",
    refused_stale: "This call is not there any more.", refused_accepted_elsewhere: "Accepted in another window.", refused_no_media: "There was no audio.",
    refused_unknown_target: "That colleague or queue cannot take anything now.", refused_storage: "Saving does not work now; try again in a moment.", refused_not_allowed: "That is not allowed.",
    refused_busy: "You have a call already.", refused_malformed: "That could not be read.", refused_gone: "A colleague is at it already.", refused_failed: "That does not work now.",
    ring_announce: "Incoming call, {caller}, {language}.", minutes: "{n} min", seconds: "{n} s", hours: "{n} h",
  },
};

const KEPT = "desk-language";
let language = localStorage.getItem(KEPT) || (navigator.language.toLowerCase().startsWith("en") ? "en" : "nl");
if (!(language in WORDS)) language = "nl";

export function currentLanguage() {
  return language;
}

/** The word in the page's language; {names} are filled in. An unknown key falls back on another one. */
export function word(key, values = {}, fallback = "refused_failed") {
  const text = WORDS[language][key] ?? WORDS[language][fallback];
  return text.replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");
}

export function switchLanguage() {
  language = WORDS[language].other_language_code;
  localStorage.setItem(KEPT, language);
  applyWords();
}

/** Put the words into everything that is marked with data-word…. */
export function applyWords(root = document) {
  document.documentElement.lang = language;
  for (const element of root.querySelectorAll("[data-word]")) element.textContent = word(element.dataset.word);
  for (const element of root.querySelectorAll("[data-word-label]")) element.setAttribute("aria-label", word(element.dataset.wordLabel));
  for (const element of root.querySelectorAll("[data-word-placeholder]")) element.placeholder = word(element.dataset.wordPlaceholder);
  for (const button of root.querySelectorAll('[data-word="other_language"]')) button.lang = WORDS[language].other_language_code;
}

/** Seconds as 4:05. */
export function clockTime(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const minutes = Math.floor(whole / 60) % 60;
  const hours = Math.floor(whole / 3600);
  const tail = `${String(whole % 60).padStart(2, "0")}`;
  return hours ? `${hours}:${String(minutes).padStart(2, "0")}:${tail}` : `${minutes}:${tail}`;
}

/** Seconds in words: 20 s, 5 min, 3 h. */
export function inWords(seconds) {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return word("seconds", { n: whole });
  if (whole < 5400) return word("minutes", { n: Math.round(whole / 60) });
  return word("hours", { n: Math.round(whole / 3600) });
}
