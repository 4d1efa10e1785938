// The canvas on which a flow is drawn; React Flow is heard only when a gesture is done.
import { ReactFlowProvider, useReactFlow, useStoreApi } from "@xyflow/react";
import { useCallback, useEffect, useRef } from "react";
import { add, join, lend, unlink } from "./actions.js";
import { Card } from "./card.jsx";
import { Controls } from "./controls.jsx";
import { get, set, useDesk, watch } from "./desk.js";
import { Ground } from "./ground.jsx";
import { Announcer, Empty, Hint, HintBar } from "./hints.jsx";
import { useKeys } from "./keys.js";
import { LinkList } from "./linking.jsx";
import { NoteCard } from "./note.jsx";
import { QuickAdd } from "./palette.jsx";
import { edit } from "./queue.js";
import { intoSight, lasting } from "./sight.js";
import { LooseWire } from "./wire.jsx";
import { endsOf, mayJoin, offer, useWiring } from "./wiring.js";

const NODES = { step: Card, note: NoteCard };
const FOCUSABLE = "button, input, textarea, select, a, [role=listbox], .react-flow__node"; // the keys go elsewhere
const DRAG = "application/x-canevas-kind";

const Surface = () => {
  const root = useRef(null);
  const flow = useReactFlow();
  const store = useStoreApi();
  const opened = useDesk((desk) => desk.flow);
  useLending(flow, store, root);
  const keys = useKeys(flow, store);
  const wiring = useWiring(flow, store);

  const grabbed = useCallback(() => set({ dragging: true }), []);
  const moved = useCallback((_, node, nodes) => {
    set({ dragging: false });
    settle(nodes ?? node);
  }, []);
  const selected = useCallback(({ nodes, edges }) => {
    const steps = nodes.filter((node) => node.type === "step").map((node) => node.id);
    const notes = nodes.filter((node) => node.type === "note").map((node) => node.data.note.id);
    set({ selected: { steps, notes, wires: edges.map((edge) => edge.id) } });
  }, []);
  const dropped = (event) => {
    const kind = event.dataTransfer.getData(DRAG);
    if (!kind) return;
    event.preventDefault();
    const { x, y } = flow.screenToFlowPosition({ x: event.clientX, y: event.clientY });
    add(kind, [x - 128, y - 28]);
  };
  const surface = {
    onPointerDownCapture: (event) => !event.target.closest(FOCUSABLE) && root.current.focus({ preventScroll: true }),
    onKeyDown: keys,
    ...wiring,
    onDoubleClick: (event) => event.target.classList.contains("react-flow__pane") && offer(flow, root.current, event),
    onDragOver: (event) => event.dataTransfer.types.includes(DRAG) && event.preventDefault(),
    onDrop: dropped,
  };
  const over = (
    <>
      <Controls flow={flow} />
      <Empty />
      <HintBar />
      <Hint root={root} />
      <LinkList />
      <QuickAdd />
      <Announcer />
    </>
  );
  return (
    <Ground
      root={root}
      nodes={NODES}
      place={opened}
      surface={surface}
      over={over}
      connectionLineComponent={LooseWire}
      isValidConnection={mayJoin}
      onConnect={(connection) => join(...endsOf(connection))}
      onNodeDragStart={grabbed}
      onNodeDragStop={moved}
      onSelectionDragStart={grabbed}
      onSelectionDragStop={moved}
      onSelectionChange={selected}
      onPaneClick={unlink}
      onPaneContextMenu={(event) => {
        event.preventDefault(); // a right click, or a finger that stays
        offer(flow, root.current, event);
      }}
    />
  );
};

/** What stands elsewhere after a drag becomes one edit. */
const settle = (nodes) => {
  const { model } = get();
  const steps = {};
  const notes = [];
  for (const { id, type, data, position } of nodes) {
    const at = [position.x, position.y];
    if (type === "note") notes.push({ do: "set_note", note: data.note.id, at });
    else if (String(model.steps[id]?.at) !== String(at)) steps[id] = at;
  }
  if (Object.keys(steps).length || notes.length)
    edit(...(Object.keys(steps).length ? [{ do: "move", steps }] : []), ...notes);
};

/** What actions may ask of the canvas. */
const useLending = (flow, store, root) =>
  useEffect(() => {
    const middle = () => {
      const { width, height } = root.current.getBoundingClientRect();
      const { left, top } = root.current.getBoundingClientRect();
      const { x, y } = flow.screenToFlowPosition({ x: left + width / 2, y: top + height / 2 });
      return [x, y];
    };
    const select = (ids) => {
      const chosen = new Set(ids);
      flow.setNodes((nodes) => nodes.map((node) => (!!node.selected === chosen.has(node.id) ? node : { ...node, selected: chosen.has(node.id) })));
      flow.setEdges((edges) => edges.map((edge) => (edge.selected ? { ...edge, selected: false } : edge)));
    };
    const focus = (id) => {
      const node = flow.getInternalNode(id);
      if (!node) return requestAnimationFrame(() => flow.getInternalNode(id) && focus(id));
      intoSight(flow, store, node);
      requestAnimationFrame(() => root.current?.querySelector(`.react-flow__node[data-id="${id}"]`)?.focus());
    };
    lend({ middle, select, focus });
    return watch(
      (desk) => desk.reveal,
      (place) => {
        const node = place && flow.getInternalNode(place.step);
        if (node) flow.setCenter(node.position.x + 128, node.position.y + 60, { zoom: Math.max(flow.getZoom(), 0.8), duration: lasting(200) });
      },
    );
  }, [flow]);

export const Canvas = () => {
  const opened = useDesk((desk) => desk.flow);
  return <ReactFlowProvider key={opened}>{opened ? <Surface /> : <div className="surface waits" />}</ReactFlowProvider>;
};
