// How large a card is and where its ports stand, without asking the page: canvas.css draws by the same numbers.

import sizes from "./sizes.json";

const { width: WIDTH, head: HEAD, line: LINE, row: ROW, foot: FOOT, dot: DOT, grid: GRID, columnGap: GAP } = sizes;

/** From one card to the one beside it. */
export const COLUMN = WIDTH + GAP;
export { WIDTH };

export const rows = ({ inputs = [], outputs = [] }) => Math.max(inputs.length, outputs.length);

const top = (step) => HEAD + (step.summary ? LINE : 0);

export const heightOf = (step) => top(step) + rows(step) * ROW + FOOT;

const handle = (id, type, y) => ({
  id,
  type,
  position: type === "source" ? "right" : "left",
  x: (type === "source" ? WIDTH : 0) - DOT / 2,
  y: y - DOT / 2,
  width: DOT,
  height: DOT,
});

/** The handles of a card as React Flow wants them. */
export const handlesOf = (step) => [
  ...(step.entry === false ? [] : [handle("after", "target", HEAD / 2)]),
  ...(step.inputs ?? []).map((port, row) => handle(port.name, "target", top(step) + (row + 0.5) * ROW)),
  ...(step.outputs ?? []).map((port, row) => handle(port.name, "source", top(step) + (row + 0.5) * ROW)),
];

/** Whether two steps have the same ports in the same places. */
export const samePorts = (one, other) =>
  Boolean(one.summary) === Boolean(other.summary) &&
  one.entry === other.entry &&
  String((one.inputs ?? []).map((port) => port.name)) === String((other.inputs ?? []).map((port) => port.name)) &&
  String((one.outputs ?? []).map((port) => port.name)) === String((other.outputs ?? []).map((port) => port.name));

export const snapped = ([x, y]) => [Math.round(x / GRID) * GRID, Math.round(y / GRID) * GRID];

/** The place nearest to a wanted one where a card covers no other card. */
export const freeSpot = (steps, [x, y], step = {}) => {
  const height = heightOf(step);
  const taken = Object.values(steps);
  const covers = ([left, top]) =>
    taken.some(
      ({ at, ...other }) =>
        Math.abs(at[0] - left) < WIDTH + GRID * 2 &&
        at[1] < top + height + GRID * 2 &&
        top < at[1] + heightOf(other) + GRID * 2,
    );
  for (let ring = 0; ring < 60; ring++)
    for (const [right, down] of ring === 0 ? [[0, 0]] : [[0, ring], [0, -ring], [ring, 0], [ring, ring]]) {
      const spot = snapped([x + right * COLUMN, y + down * 64]);
      if (!covers(spot)) return spot;
    }
  return snapped([x, y]);
};
