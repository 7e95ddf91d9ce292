// Audio of the desk: the WebRTC connection to the bot, the microphone, and the ring tone.

const GATHER_MS = 1500;

/** One connection; `lost` is called when it breaks and was not closed by us. */
export class Audio {
  constructor(output, iceServers, lost) {
    this.output = output;
    this.lost = lost;
    this.connection = new RTCPeerConnection({ iceServers });
    this.stream = null;
    this.isClosed = false;
    this.connection.ontrack = (event) => {
      this.output.srcObject = event.streams[0] ?? new MediaStream([event.track]);
      this.output.play().catch(() => {}); // begins with the next key or click where the browser insists
    };
    this.connection.onconnectionstatechange = () => {
      if (["failed", "closed"].includes(this.connection.connectionState) && !this.isClosed) this.lost();
    };
  }

  /** Ask for the microphone and return the offer; throws what getUserMedia throws. */
  async offer() {
    const wanted = { echoCancellation: true, noiseSuppression: true, autoGainControl: true };
    this.stream = await microphone({ audio: wanted });
    if (this.isClosed) {
      this.close();
      throw new DOMException("closed meanwhile", "AbortError");
    }
    for (const track of this.stream.getTracks()) this.connection.addTrack(track, this.stream);
    await this.connection.setLocalDescription();
    await gathered(this.connection);
    return this.connection.localDescription.sdp;
  }

  async answered(sdp) {
    if (!this.isClosed) await this.connection.setRemoteDescription({ type: "answer", sdp });
  }

  mute(on) {
    for (const track of this.stream?.getAudioTracks() ?? []) track.enabled = !on;
  }

  close() {
    this.isClosed = true;
    for (const track of this.stream?.getTracks() ?? []) track.stop();
    this.connection.close();
    this.output.srcObject = null;
  }
}

function gathered(connection) {
  return new Promise((resolve) => {
    if (connection.iceGatheringState === "complete") return resolve();
    setTimeout(resolve, GATHER_MS);
    connection.addEventListener("icegatheringstatechange", () => {
      if (connection.iceGatheringState === "complete") resolve();
    });
  });
}

function microphone(constraints) {
  if (!navigator.mediaDevices) throw new DOMException("needs https", "SecurityError");
  return navigator.mediaDevices.getUserMedia(constraints);
}

/** Whether calls can be taken here: ok, denied, missing or insecure. Asks the agent if need be. */
export async function checkMicrophone() {
  try {
    const stream = await microphone({ audio: true });
    for (const track of stream.getTracks()) track.stop();
    return "ok";
  } catch (error) {
    return microphoneProblem(error);
  }
}

export function microphoneProblem(error) {
  if (error.name === "NotAllowedError") return "denied";
  if (error.name === "SecurityError") return "insecure";
  return "missing";
}

/** Two soft notes every three seconds. */
export class RingTone {
  start() {
    if (this.timer) return;
    this.context ??= new AudioContext();
    this.context.resume().catch(() => {});
    this.timer = setInterval(() => this.notes(), 3000);
    this.notes();
  }

  stop() {
    clearInterval(this.timer);
    this.timer = null;
  }

  notes() {
    [523.25, 659.25].forEach((frequency, index) => {
      const from = this.context.currentTime + index * 0.28;
      const oscillator = this.context.createOscillator();
      const gain = this.context.createGain();
      oscillator.frequency.value = frequency;
      gain.gain.setValueAtTime(0, from);
      gain.gain.linearRampToValueAtTime(0.16, from + 0.03);
      gain.gain.exponentialRampToValueAtTime(0.001, from + 0.7);
      oscillator.connect(gain).connect(this.context.destination);
      oscillator.start(from);
      oscillator.stop(from + 0.75);
    });
  }
}
