// The live board: one event stream, applied to what the server has drawn. Readings are set in place; when an alarm,
// a ticket or a facility's state changes, the tile turns at once and the lists are fetched anew, at most every 2 s.

interface Reading {
  device: string;
  point: string;
  state: "known" | "unknown";
  value: number | null;
  text: string;
  quality: number;
}

interface Turned {
  community?: string;
  facility?: string;
  state?: string;
}

const REFRESH_GAP_MS = 2_000;
const CHECK_MS = 20_000;
const RETRY_MS = 5_000;
const UNCERTAIN = 1;
const STATES = new Set(["normal", "partly_unknown", "alarm", "unknown"]);

class LiveBoard extends HTMLElement {
  private source: EventSource | null = null;
  private brokenSince: Date | null = null;
  private refreshedAt = 0;
  private refreshTimer = 0;
  private checkTimer = 0;
  private retryTimer = 0;
  private lastId = "";

  connectedCallback(): void {
    this.open();
    this.checkTimer = window.setInterval(() => void this.check(), CHECK_MS);
  }

  disconnectedCallback(): void {
    this.source?.close();
    for (const timer of [this.refreshTimer, this.checkTimer, this.retryTimer]) window.clearTimeout(timer);
  }

  private open(): void {
    const address = new URL(this.dataset["src"] ?? "/api/v1/events", location.href);
    if (this.lastId) address.searchParams.set("since", this.lastId);
    const source = new EventSource(address);
    this.source = source;
    source.onopen = () => this.mended();
    source.onerror = () => {
      this.broken();
      if (source.readyState === EventSource.CLOSED) {
        window.clearTimeout(this.retryTimer);
        this.retryTimer = window.setTimeout(() => this.open(), RETRY_MS);
      }
    };
    source.addEventListener("reading", (event) => this.reading(this.data<Reading>(event)));
    source.addEventListener("health", (event) => this.turned(this.data<Turned>(event)));
    for (const kind of ["alarm", "ticket", "walk", "resync"]) {
      source.addEventListener(kind, (event) => {
        this.data(event);
        this.refreshSoon();
      });
    }
  }

  private data<T>(event: Event): T {
    const message = event as MessageEvent<string>;
    if (message.lastEventId) this.lastId = message.lastEventId;
    return JSON.parse(message.data) as T;
  }

  private reading(reading: Reading): void {
    const key = CSS.escape(`${reading.device}/${reading.point}`);
    for (const place of this.querySelectorAll<HTMLElement>(`[data-point="${key}"]`)) {
      const shown = place.querySelector("b");
      if (!shown) continue;
      const doubt = place.querySelector<HTMLElement>(".doubt");
      if (doubt) doubt.hidden = reading.quality !== UNCERTAIN;
      const said = this.say(reading, place.dataset);
      if (shown.textContent === said) continue;
      shown.textContent = said;
      place.classList.remove("fresh");
      requestAnimationFrame(() => place.classList.add("fresh"));
    }
  }

  private say(reading: Reading, how: DOMStringMap): string {
    if (reading.state === "unknown") return this.dataset["unknown"] ?? "?";
    if (reading.value === null) return reading.text;
    if (how["off"] !== undefined) return (reading.value ? how["on"] : how["off"]) ?? "";
    const decimals = Number(how["decimals"] ?? 0);
    const digits = { minimumFractionDigits: decimals, maximumFractionDigits: decimals };
    const figure = reading.value.toLocaleString(this.dataset["lang"], digits);
    const unit = Number(reading.value.toFixed(decimals)) === 1 ? (how["one"] ?? how["unit"]) : how["unit"];
    return unit ? `${figure} ${unit}` : figure;
  }

  private turned(change: Turned): void {
    const state = change.state;
    if (change.facility && state && STATES.has(state)) {
      const key = CSS.escape(`${change.community}/${change.facility}`);
      const tiles = this.querySelectorAll<HTMLElement>(`[data-facility="${key}"]`);
      if (!tiles.length) this.refreshSoon(); // it was among those that are well and not shown
      for (const tile of tiles) {
        tile.className = `tile tile-${state}`;
        tile.dataset.state = state;
        const mark = tile.querySelector(".mark");
        if (!mark) continue;
        mark.className = `mark mark-${state}`;
        const icon = mark.querySelector("use");
        icon?.setAttribute("href", (icon.getAttribute("href") ?? "").replace(/#.*/, `#state-${state}`));
        const word = mark.querySelector("span");
        if (word) word.textContent = this.getAttribute(`data-state-${state}`);
      }
    }
    this.refreshSoon();
  }

  private refreshSoon(): void {
    if (this.refreshTimer) return;
    const wait = Math.max(150, this.refreshedAt + REFRESH_GAP_MS - Date.now());
    this.refreshTimer = window.setTimeout(() => {
      this.refreshTimer = 0;
      void this.refresh();
    }, wait);
  }

  private async refresh(): Promise<void> {
    this.refreshedAt = Date.now();
    try {
      const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
      if (answer.redirected) return location.reload();
      if (!answer.ok) throw new Error(String(answer.status));
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
      for (const region of this.querySelectorAll<HTMLElement>("[data-region]")) this.replace(region, fresh);
    } catch {
      this.refreshSoon();
    }
  }

  // What somebody is using right now (an open menu, the focus) stays until the next time.
  private replace(region: HTMLElement, fresh: Document): void {
    const next = fresh.querySelector(`[data-region="${region.dataset["region"]}"]`);
    if (!next) return;
    const focused = region.contains(document.activeElement) ? document.activeElement : null;
    if (region.querySelector("details[open]") || focused?.matches("input, select, textarea")) return this.refreshSoon();
    const key = focused ? this.keyOf(focused) : null;
    region.replaceChildren(...next.childNodes);
    if (key) region.querySelector<HTMLElement>(key)?.focus();
  }

  private keyOf(element: Element): string | null {
    const holder = element.closest<HTMLElement>("[data-facility], [data-alarm]");
    const kind = holder?.dataset["facility"] ? "facility" : "alarm";
    const id = holder?.dataset[kind];
    return id ? `[data-${kind}="${CSS.escape(id)}"] ${element.tagName.toLowerCase()}` : null;
  }

  private async check(): Promise<void> {
    try {
      const answer = await fetch("/healthz", { cache: "no-store", signal: AbortSignal.timeout(5_000) });
      if (answer.ok && this.source?.readyState === EventSource.OPEN) this.mended();
    } catch {
      this.broken();
    }
  }

  private broken(): void {
    this.brokenSince ??= new Date();
    const zone = this.dataset["zone"];
    const time = this.brokenSince.toLocaleTimeString(this.dataset["lang"], { hour12: false, ...(zone && { timeZone: zone }) });
    this.tell("broken", (this.dataset["broken"] ?? "{time}").replace("{time}", time));
  }

  private mended(): void {
    if (this.brokenSince) this.refreshSoon();
    this.brokenSince = null;
    this.tell("live", this.dataset["live"] ?? "");
  }

  private tell(state: "live" | "broken", text: string): void {
    document.documentElement.dataset["stream"] = state;
    const place = document.querySelector("[data-stream-text]");
    if (place && place.textContent !== text) place.textContent = text;
  }
}

customElements.define("live-board", LiveBoard);

document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll<HTMLDetailsElement>("details.menu[open]")) {
    if (!menu.contains(event.target as Node)) menu.open = false;
  }
});
