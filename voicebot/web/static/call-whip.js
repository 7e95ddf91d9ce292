// One call by WHIP (RFC 9725) with audio both ways and the data channel "voicebot". Knows nothing of the page.

const SDP = "application/sdp";
const FRAGMENT = "application/trickle-ice-sdpfrag";
const GATHER_MS = 1000;
const CONNECT_MS = 15000;
const DELETE_MS = 1000;

export class CallProblem extends Error {
  constructor(code) {
    super(code);
    this.code = code;
  }
}

export class Call {
  // line, token: strings. onVoice(stream), onMessage(object), onShaky(boolean), onEnded(cause).
  constructor({ line, token, onVoice, onMessage, onShaky, onEnded, base = "" }) {
    Object.assign(this, { line, token, onVoice, onMessage, onShaky, onEnded, base });
    this.hasMicrophone = false;
    this.isMuted = false;
    this.resource = "";
    this.tag = "";
    this.isOver = false;
    this.waiting = [];
    this.tracks = [];
  }

  // A caller without a microphone sends silence, so that the call lives all the same.
  async askMicrophone(wantsMicrophone) {
    if (wantsMicrophone && navigator.mediaDevices?.getUserMedia) {
      try {
        const stream = await navigator.mediaDevices.getUserMedia({
          audio: { echoCancellation: true, noiseSuppression: true, autoGainControl: true },
        });
        this.tracks = stream.getAudioTracks();
        this.hasMicrophone = true;
      } catch { /* denied or absent: by text then */ }
    }
    if (!this.hasMicrophone) {
      this.context = new AudioContext();
      this.tracks = this.context.createMediaStreamDestination().stream.getAudioTracks();
    }
    if (this.isOver) this.release();
  }

  async start() {
    this.pc = new RTCPeerConnection({ iceServers: await this.iceServers() });
    this.channel = this.pc.createDataChannel("voicebot", { ordered: true });
    this.channel.onmessage = ({ data }) => this.told(data);
    this.pc.addTransceiver(this.tracks[0], { direction: "sendrecv", streams: [new MediaStream(this.tracks)] });
    this.pc.ontrack = ({ track }) => this.onVoice(new MediaStream([track]));
    this.pc.onicecandidate = ({ candidate }) => this.found(candidate);
    const isConnected = this.connected();
    await this.pc.setLocalDescription();
    await this.gathered();
    const response = await this.ask("POST", `${this.base}/whip?line=${encodeURIComponent(this.line)}`, SDP,
      this.pc.localDescription.sdp);
    if (response.status !== 201) throw new CallProblem(await problemOf(response));
    this.resource = this.base + response.headers.get("Location");
    this.tag = response.headers.get("ETag") ?? "";
    if (this.isOver) { this.hangUp(); throw new CallProblem("failed"); }
    await this.pc.setRemoteDescription({ type: "answer", sdp: await response.text() });
    this.trickle();
    await isConnected;
  }

  send(message) {
    if (this.channel?.readyState !== "open") return false;
    this.channel.send(JSON.stringify(message));
    return true;
  }

  mute(isMuted) {
    this.isMuted = isMuted;
    for (const track of this.tracks) track.enabled = !isMuted;
  }

  // Ends the call from here; says nothing to onEnded.
  end() {
    if (this.isOver) return;
    this.isOver = true;
    for (const track of this.tracks) track.stop();
    // Closed first, the connection would end the call, and the DELETE would find nothing.
    const late = new Promise((resolve) => setTimeout(resolve, DELETE_MS));
    Promise.race([this.hangUp(), late]).finally(() => this.release());
  }

  // -- inside -------------------------------------------------------------------------------------------

  ask(method, url, type, body) {
    const headers = {};
    if (type) headers["Content-Type"] = type;
    if (this.token) headers.Authorization = `Bearer ${this.token}`;
    if (method === "PATCH" && this.tag) headers["If-Match"] = this.tag;
    return fetch(url, { method, headers, body, keepalive: method === "DELETE" }).catch(() => {
      throw new CallProblem("unreachable");
    });
  }

  async iceServers() {
    const response = await this.ask("OPTIONS", `${this.base}/whip`);
    const links = response.headers.get("Link") ?? "";
    return [...links.matchAll(/<([^>]+)>; rel="ice-server"((?:; [a-z-]+="[^"]*")*)/g)].map(([, urls, rest]) => {
      const found = Object.fromEntries([...rest.matchAll(/; ([a-z-]+)="([^"]*)"/g)].map(([, key, value]) => [key, value]));
      return found.username ? { urls, username: found.username, credential: found.credential } : { urls };
    });
  }

  gathered() {
    return new Promise((resolve) => {
      if (this.pc.iceGatheringState === "complete") resolve();
      this.pc.addEventListener("icegatheringstatechange", () => this.pc.iceGatheringState === "complete" && resolve());
      setTimeout(resolve, GATHER_MS);
    });
  }

  // What was found after the offer went out is sent after it (trickle ICE).
  found(candidate) {
    this.waiting.push(candidate);
    if (this.resource) this.trickle();
  }

  trickle() {
    const sent = this.pc.localDescription.sdp;
    const ufrag = /a=ice-ufrag:(\S+)/.exec(sent)?.[1] ?? "";
    const lines = this.waiting.splice(0).map((each) => (each?.candidate ? `a=${each.candidate}` : "a=end-of-candidates"));
    if (!lines.length) return;
    const body = [`a=ice-ufrag:${ufrag}`, "m=audio 9 UDP/TLS/RTP/SAVPF 0", "a=mid:0", ...lines, ""].join("\r\n");
    this.ask("PATCH", this.resource, FRAGMENT, body).catch(() => {});
  }

  connected() {
    return new Promise((resolve, reject) => {
      const late = setTimeout(() => reject(new CallProblem("no_path")), CONNECT_MS);
      this.pc.onconnectionstatechange = () => {
        const state = this.pc.connectionState;
        if (state === "connected") { clearTimeout(late); resolve(); }
        if (state === "connected" || state === "disconnected") this.isUp && this.onShaky(state === "disconnected");
        if (state === "connected") this.isUp = true;
        if (state === "failed") { clearTimeout(late); reject(new CallProblem("no_path")); this.over("network"); }
      };
    }).catch((problem) => { if (!this.isUp) throw problem; });
  }

  told(data) {
    let message;
    try { message = JSON.parse(data); } catch { return; }
    if (message.type === "ended") this.over(message.cause === "us" ? "bot" : message.cause);
    else this.onMessage(message);
  }

  over(cause) {
    if (this.isOver) return;
    this.isOver = true;
    this.release();
    if (this.isUp) this.onEnded(cause);
  }

  async hangUp() {
    const { resource } = this;
    this.resource = "";
    if (resource) await this.ask("DELETE", resource).catch(() => {});
  }

  release() {
    for (const track of this.tracks) track.stop();
    this.context?.close();
    this.pc?.close();
  }
}

async function problemOf(response) {
  try {
    return (await response.json()).error ?? "failed";
  } catch {
    return response.status >= 500 ? "unreachable" : "failed";
  }
}
