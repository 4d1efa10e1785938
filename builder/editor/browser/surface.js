// The model as nodes and edges of React Flow; pure.
import { handlesOf, heightOf, samePorts, WIDTH } from "./geometry.js";
import { flowOrder } from "./wires.js";

/** Nodes in the order of the flow, which is the order of the Tab key; those in `before` are kept where they can be. */
export const nodesOf = (model, before = [], renaming = null) => {
  const old = new Map(before.map((node) => [node.id, node]));
  const formerly = renaming && !old.has(renaming.to) && old.get(renaming.from);
  if (formerly) old.set(renaming.to, { ...formerly, id: renaming.to, domAttributes: named(renaming.to) }); // stays selected
  const steps = flowOrder(model).map((id) => stepNode(model.steps[id], old.get(id)));
  const notes = Object.values(model.notes).map((note) => noteNode(note, old.get(`note:${note.id}`)));
  return [...notes, ...steps];
};

const stepNode = (step, old) => {
  if (old?.data.step === step) return old;
  const data = { step };
  const position = { x: step.at[0], y: step.at[1] };
  if (!old) return { ...sized(step), id: step.id, type: "step", position, data, domAttributes: named(step.id) };
  const place = old.dragging || same(old.position, position) ? old.position : position;
  return { ...old, data, position: place, ...(samePorts(old.data.step, step) ? {} : sized(step)) };
};

const same = (one, other) => one.x === other.x && one.y === other.y;

const sized = (step) => ({ handles: handlesOf(step), measured: { width: WIDTH, height: heightOf(step) } });

const named = (id) => ({ "aria-labelledby": `step-${id}`, "aria-roledescription": undefined });

const noteNode = (note, old) => {
  if (old?.data.note === note) return old;
  const [width, height] = note.size;
  return {
    ...old,
    id: `note:${note.id}`,
    type: "note",
    position: { x: note.at[0], y: note.at[1] },
    width,
    height,
    zIndex: -1,
    data: { note },
  };
};

const MANY = 40; // references

/** Whether a flow has so few references that all are drawn; of more, only those of the selected steps. */
export const fewReferences = ({ wires }) => Object.values(wires).filter((wire) => wire.reference).length <= MANY;

/**
 * Edges, without those whose output is not there to start from. chosen: the ids of the selected steps.
 */
export const edgesOf = (model, chosen, before = []) => {
  const old = new Map(before.map((edge) => [edge.id, edge]));
  const wires = Object.values(model.wires);
  const few = fewReferences(model);
  const near = new Set(chosen);
  return wires
    .filter((wire) => !wire.reference || few || near.has(wire.source) || near.has(wire.target))
    .filter((wire) => (model.steps[wire.source]?.outputs ?? []).some((port) => port.name === wire.output) && model.steps[wire.target])
    .map((wire) => {
      const kept = old.get(wire.id);
      return kept?.data === wire ? kept : { ...kept, ...edgeOf(wire) };
    });
};

const edgeOf = (wire) => ({
  id: wire.id,
  type: "wire",
  source: wire.source,
  sourceHandle: wire.output,
  target: wire.target,
  targetHandle: wire.port ?? "after",
  selectable: !wire.reference,
  ariaLabel: `${wire.source} → ${wire.target}`,
  data: wire,
});
