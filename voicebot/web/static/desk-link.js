// The WebSocket to the server: comes back by itself, answers its signs of life.

const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 5000;
const NOT_LOGGED_IN = 4401;
const TOO_MANY_PAGES = 4429;

export class Link {
  constructor({ message, open, lost, loggedOut, tooMany }) {
    Object.assign(this, { message, open, lost, loggedOut, tooMany });
    this.tab = crypto.randomUUID?.() ?? Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16)).join("");
    this.wait = FIRST_WAIT_MS;
  }

  start() {
    this.isWanted = true;
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    const socket = new WebSocket(`${scheme}://${location.host}/desk/socket?tab=${this.tab}`);
    this.socket = socket;
    socket.onopen = () => {
      this.wait = FIRST_WAIT_MS;
      this.open();
    };
    socket.onmessage = (event) => {
      const said = JSON.parse(event.data);
      if (said.type === "ping") this.send({ type: "alive" });
      else this.message(said);
    };
    socket.onclose = (event) => this.closed(event, socket);
  }

  closed(event, socket) {
    if (socket !== this.socket || !this.isWanted) return;
    if (event.code === NOT_LOGGED_IN) {
      this.isWanted = false;
      return this.loggedOut();
    }
    if (event.code === TOO_MANY_PAGES) {
      this.isWanted = false;
      return this.tooMany();
    }
    this.lost();
    setTimeout(() => this.isWanted && this.start(), this.wait);
    this.wait = Math.min(this.wait * 2, LONGEST_WAIT_MS);
  }

  stop() {
    this.isWanted = false;
    this.socket?.close();
  }

  /** False when there is no connection. */
  send(message) {
    if (this.socket?.readyState !== WebSocket.OPEN) return false;
    this.socket.send(JSON.stringify(message));
    return true;
  }
}
