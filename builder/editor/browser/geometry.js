// How large a card is and where its ports stand, without asking the page: canvas.css draws by the same numbers.

import sizes from "./sizes.json";

const { width: WIDTH, head: HEAD, line: LINE, row: ROW, foot: FOOT, dot: DOT, grid: GRID, columnGap: GAP, caption: CAPTION, tab: TAB } = sizes;

/** From one card to the one beside it. */
export const COLUMN = WIDTH + GAP;
export { WIDTH };

export const rows = ({ inputs = [], outputs = [] }) => Math.max(inputs.length, outputs.length);

const top = (step) => HEAD + (step.summary ? LINE : 0);

export const heightOf = (step) => top(step) + rows(step) * ROW + FOOT;

const handle = (id, type, y, x) => ({
  id,
  type,
  position: type === "source" ? "right" : "left",
  x: x - DOT / 2,
  y: y - DOT / 2,
  width: DOT,
  height: DOT,
});

/** The handle of a port; those on the inside of a frame are told apart by their body. */
export const handleId = ({ port, body }) => (body ? `${body}/${port}` : port);

/** The port that a handle stands for: {port, body}. */
export const portOfHandle = (id) => {
  const [body, port] = id.includes("/") ? id.split("/") : [undefined, id];
  return { port, body };
};

/** The handles of a card as React Flow wants them. box: of a frame, with its rooms. */
export const handlesOf = (step, { width, rooms } = { width: WIDTH, rooms: [] }) => [
  ...(step.entry === false ? [] : [handle("after", "target", HEAD / 2, 0)]),
  ...(step.inputs ?? []).map((port, row) => handle(port.name, "target", top(step) + (row + 0.5) * ROW, 0)),
  ...(step.outputs ?? []).map((port, row) => handle(port.name, "source", top(step) + (row + 0.5) * ROW, width)),
  ...rooms.flatMap((room) => innerHandles(step, room)),
];

const innerHandles = (step, { name: body, x, y, width }) => {
  const { gives = [], takes = [] } = step.bodies.find(({ name }) => name === body);
  const at = (type, left) => (port, row) => handle(handleId({ port: port.name, body }), type, y + CAPTION + (row + 0.5) * ROW, left);
  return [...gives.map(at("source", x + TAB)), ...takes.map(at("target", x + width - TAB))];
};

const names = (ports = []) => String(ports.map((port) => port.name));

/** What the ports of a step and their places depend on, as one text. */
export const portsKey = ({ summary, entry, inputs, outputs, bodies = [] }) =>
  [Boolean(summary), entry, names(inputs), names(outputs), ...bodies.flatMap(({ name, gives, takes }) => [name, names(gives), names(takes)])].join(";");

export const snapped = ([x, y]) => [Math.round(x / GRID) * GRID, Math.round(y / GRID) * GRID];

const plain = (step) => [WIDTH, heightOf(step)];

/** The box of a card that one at a place would cover, [x, y, width, height], or undefined. */
const covered = (steps, [left, top], step, sized) => {
  const [width, height] = sized(step);
  const far = GRID * 2;
  const hits = ([x, y, wide, high]) => x < left + width + far && left < x + wide + far && y < top + height + far && top < y + high + far;
  return Object.values(steps).map((other) => [...other.at, ...sized(other)]).find(hits);
};

/** The place nearest to a wanted one where a card covers no other card. sized: [width, height] of a step. */
export const freeSpot = (steps, [x, y], step = {}, sized = plain) => {
  for (let ring = 0; ring < 60; ring++)
    for (const [right, down] of ring === 0 ? [[0, 0]] : [[0, ring], [0, -ring], [ring, 0], [ring, ring]]) {
      const spot = snapped([x + right * COLUMN, y + down * 64]);
      if (!covered(steps, spot, step, sized)) return spot;
    }
  return snapped([x, y]);
};

/** The same in a room: to the right of what is in the way, since above and to the left there is no more of it. */
export const freeInRoom = (steps, at, step = {}, sized = plain) => {
  let spot = snapped(at);
  for (let hit = covered(steps, spot, step, sized); hit; hit = covered(steps, spot, step, sized)) spot = snapped([hit[0] + hit[2] + GAP, spot[1]]);
  return spot;
};
