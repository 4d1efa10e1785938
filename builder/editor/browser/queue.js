// Edits on their way to the server: shown at once, sent one batch at a time, kept in the browser until it has them.
import { get, reset, set } from "./desk.js";
import { remembered } from "./folded.js";
import { applied, modelOf, patched } from "./model.js";

const PATIENCE = 12_000; // ms without an answer before a batch counts as failed
const AGAIN = [2_000, 5_000, 10_000, 30_000]; // ms before the first retries; the last one goes on
const ABANDONED = 60_000; // ms after which edits of another tab count as left behind
const KEY = "canevas.edits";

let server = {}; // how requests leave: {edits(flow, edits, base, batch), walk(flow, way), resolve(flow, way, edits)}
let timer = 0;
let failures = 0;
let heard = { opened: -1, answer: -1 };

export const connect = (callbacks) => {
  server = callbacks;
};

const replay = (base, pending) =>
  pending.reduce(
    (model, batch) => (batch.edits ?? []).reduce((next, edit) => applied(next, edit, get().catalog.kinds), model),
    base,
  );

/** Make edits: they are seen at once and saved as one. */
export const edit = (...edits) => {
  const { model, pending, catalog } = get();
  const last = pending.at(-1);
  // What was sent may be saved although nobody heard of it: the same batch with more in it would be taken for that.
  const on = last && !last.sent && edits.length === 1 && goesOn(last, edits[0]);
  const batch = { id: on ? last.id : crypto.randomUUID?.() ?? `${Date.now()}.${Math.random()}`, edits };
  set({
    pending: [...(on ? pending.slice(0, -1) : pending), batch],
    model: edits.reduce((next, each) => applied(next, each, catalog.kinds), model),
  });
  keep();
  send();
};

/** Whether an edit only says anew what a waiting batch says: the same setting, the same steps moved on. */
const goesOn = (batch, next) => {
  if (batch.edits?.length !== 1) return false;
  const [before] = batch.edits;
  if (before.do !== next.do || before.step !== next.step) return false;
  if (next.do === "set") return before.field === next.field;
  return next.do === "move" && String(Object.keys(before.steps)) === String(Object.keys(next.steps));
};

/** Ask for "undo", "redo", or "look": what changed elsewhere. It waits for the edits before it. */
export const walk = (way) => {
  const { pending, save } = get();
  if (way === "look" && (pending.length || save !== "saved")) return;
  set({ pending: [...pending, { id: `${way}.${Date.now()}`, walk: way }] });
  send();
};

/** Send the oldest batch, unless one is under way or a person has to decide first. */
export const send = () => {
  const { flow, pending, sending, save, revision } = get();
  if (sending || save === "stale" || !pending.length) return;
  const batch = { ...pending[0], sent: true };
  set({ pending: [batch, ...pending.slice(1)], sending: batch.id, ...(batch.walk === "look" ? {} : { save: "saving" }) });
  clearTimeout(timer);
  timer = setTimeout(() => fail(["The server does not answer.", {}]), PATIENCE);
  if (batch.walk) server.walk(flow, batch.walk);
  else server.edits(flow, batch.edits, revision, batch.id);
};

const fail = (reason) => {
  clearTimeout(timer);
  // Undo and redo are not kept: later they would mean something else.
  set({ sending: null, save: "failed", reason, pending: get().pending.filter((batch) => batch.edits) });
  if (!get().pending.length) return set({ save: "saved", refusals: [...get().refusals, reason] });
  keep();
  timer = setTimeout(send, AGAIN[Math.min(failures++, AGAIN.length - 1)]);
};

/** Try again now. */
export const retry = () => {
  if (get().save !== "failed") return;
  clearTimeout(timer);
  send();
};

/** What the server says to a batch. */
export const receive = (answer) => {
  if (answer?.n === undefined || answer.n === heard.answer) return;
  heard.answer = answer.n;
  const { flow, tab, sending, revision, base, pending } = get();
  if (answer.flow !== flow) return answer.revision && forget(place(answer.flow, tab)); // a flow that was left meanwhile
  if (answer.batch && !pending.some(({ id }) => id === answer.batch)) return; // it was sent twice, and heard of before
  if (answer.failed) return fail(answer.failed);
  if (answer.stale) {
    clearTimeout(timer);
    return set({ sending: null, save: "stale" });
  }
  const rest = pending.filter(({ id, edits }) => id !== (edits ? answer.batch : sending));
  if (answer.refused) return settle(base, rest, { refusals: [...get().refusals, answer.refused] });
  if (answer.before > revision) return server.walk(flow, "open"); // something in between was missed
  const confirmed = answer.revision > revision ? patched(base, answer.changes) : base;
  const { undo = get().undo, redo = get().redo } = answer;
  settle(confirmed, rest, { revision: Math.max(revision, answer.revision), undo, redo });
};

const settle = (base, pending, more) => {
  clearTimeout(timer);
  failures = 0;
  set({ base, pending, model: replay(base, pending), sending: null, save: pending.length ? "saving" : "saved", ...more });
  keep();
  send();
};

/** A flow as the server opened it, or opened it anew. */
export const open = (opened) => {
  if (opened?.n === undefined || opened.n === heard.opened) return;
  heard.opened = opened.n;
  const { flow, tab, revision, view, undo, redo } = opened;
  const again = flow === get().flow;
  if (!again) {
    reset();
    set({ collapsed: remembered(flow) });
  }
  const base = modelOf(view);
  const pending = again && !opened.resolved ? get().pending.filter((batch) => batch.edits) : [];
  if (again && tab !== get().tab) forget(place(flow, get().tab)); // the tab found the server again under another name
  const recovered = again ? get().recovered : leftBehind(flow, tab);
  const left = opened.skipped ? [["{count} of your changes no longer fit and were left out.", { count: opened.skipped }]] : [];
  set({ flow, tab, recovered, refusals: [...get().refusals, ...left] });
  settle(base, pending, { revision, undo, redo });
};

/** How a person decides between two versions: "theirs", "mine" on top of theirs, or "copy". */
export const resolve = (way) => {
  const { flow, tab, pending } = get();
  const edits = pending.flatMap((batch) => batch.edits ?? []);
  if (way === "copy") forget(place(flow, tab)); // they go with the copy
  server.resolve(flow, way, edits);
};

// --- kept in the browser ------------------------------------------------------------------------------------

const place = (flow, tab) => `${KEY}.${flow}.${tab}`;

const keep = () => {
  const { flow, tab, pending } = get();
  const edits = pending.flatMap((batch) => batch.edits ?? []);
  try {
    if (edits.length) localStorage.setItem(place(flow, tab), JSON.stringify({ at: Date.now(), edits }));
    else localStorage.removeItem(place(flow, tab));
  } catch {
    // Storage is full or forbidden; the edits stay in this page.
  }
};

const forget = (key) => {
  try {
    localStorage.removeItem(key);
  } catch {
    // Then nothing was kept there.
  }
};

/** Edits of this flow that a closed or reloaded tab did not get saved: [{key, at, edits}]. */
const leftBehind = (flow, tab) => {
  const found = [];
  try {
    for (const key of Object.keys(localStorage)) {
      if (!key.startsWith(`${KEY}.${flow}.`)) continue;
      const { at, edits } = JSON.parse(localStorage.getItem(key));
      if (key === place(flow, tab) || Date.now() - at > ABANDONED) found.push({ key, at, edits });
    }
  } catch {
    // As above; or somebody else wrote there.
  }
  return found;
};

/** Put edits that were left behind on top of the flow, or forget them. */
export const recover = (take) => {
  const { flow, recovered } = get();
  for (const { key } of recovered) forget(key);
  set({ recovered: [] });
  if (take) server.resolve(flow, "mine", recovered.flatMap(({ edits }) => edits));
};

if (typeof window !== "undefined") {
  window.addEventListener("online", retry);
  document.addEventListener("visibilitychange", () => !document.hidden && get().flow && walk("look"));
  // What waits for longer than a moment is stamped again, so that other tabs do not take it for left behind.
  setInterval(() => get().pending.length && keep(), ABANDONED / 3);
}
