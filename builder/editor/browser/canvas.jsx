// The surface on which a flow is drawn: React Flow with its own state, fed by the model and heard only when done.
import { Background, BackgroundVariant, getViewportForBounds, ReactFlow, ReactFlowProvider, useReactFlow, useStoreApi } from "@xyflow/react";
import { XYHandle } from "@xyflow/system";
import { useCallback, useEffect, useMemo, useRef } from "react";
import { add, join, lend, link, unlink } from "./actions.js";
import { Card } from "./card.jsx";
import { Controls, Map } from "./controls.jsx";
import { get, set, useDesk, watch } from "./desk.js";
import { Announcer, Empty, Hint, HintBar } from "./hints.jsx";
import { useKeys } from "./keys.js";
import { LinkList } from "./linking.jsx";
import { NoteCard } from "./note.jsx";
import { edit } from "./queue.js";
import { QuickAdd } from "./palette.jsx";
import { edgesOf, fewReferences, nodesOf } from "./surface.js";
import { intoSight, lasting } from "./sight.js";
import { refusal } from "./wires.js";
import { LooseWire, Wire } from "./wire.jsx";
import { useWords } from "./words.js";

const NODES = { step: Card, note: NoteCard };
const EDGES = { wire: Wire };
// Below these zooms a card shows only its title, only its icon, only its colour: what cannot be read is dear to paint.
const LEVELS = { far: 0.45, tiny: 0.28, speck: 0.16 };
const SPECKS = 150; // steps from which the last of these pays
const LEAST = 0.6; // a flow that only fits when it is smaller is shown from its beginning
const READABLE = 0.85;
const MANY = 60; // steps from which only those in sight are in the page
const FOCUSABLE = "button, input, textarea, select, a, [role=listbox], .react-flow__node"; // the keys go elsewhere
const DRAG = "application/x-canevas-kind";
const GRID = [8, 8];
// React Flow's own instructions are for keys that it does not get here, and only English.
const UNSAID = { "node.a11yDescription.default": "", "edge.a11yDescription.default": "" };
const STEADY = { minZoom: 0.08, maxZoom: 2, snapToGrid: true, snapGrid: GRID, deleteKeyCode: null, disableKeyboardA11y: true, ariaLabelConfig: UNSAID };

const viewKey = (flow) => `canevas.view.${flow}`;

const remembered = (flow) => {
  try {
    return JSON.parse(localStorage.getItem(viewKey(flow)));
  } catch {
    return null;
  }
};

/** The end that a port in the page stands for. */
const endOf = (port) => ({
  step: port.dataset.nodeid,
  port: port.dataset.handleid,
  type: port.classList.contains("source") ? "source" : "target",
  kind: port.dataset.kind,
});

const ends = ({ source, sourceHandle, target, targetHandle }) => [
  { step: source, port: sourceHandle, type: "source" },
  { step: target, port: targetHandle, type: "target" },
];

const mayJoin = (connection) => {
  const [from, to] = ends(connection);
  return !refusal(get().model, get().catalog.accepts, from, to);
};

const Surface = () => {
  const t = useWords();
  const root = useRef(null);
  const flow = useReactFlow();
  const store = useStoreApi();
  const opened = useDesk((desk) => desk.flow);
  const many = useDesk((desk) => desk.model.order.length > MANY);
  const few = useDesk((desk) => fewReferences(desk.model));
  const first = useMemo(() => ({ nodes: nodesOf(get().model), edges: edgesOf(get().model, []) }), [opened]);
  useFollowing(flow);
  useLending(flow, store, root);
  const keys = useKeys(flow, store);
  const wiring = useWiring(flow, store);

  const grabbed = useCallback(() => set({ dragging: true }), []);
  const moved = useCallback((_, node, nodes) => {
    set({ dragging: false });
    settle(nodes ?? node);
  }, []);
  const seen = useSeeing(root);
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
  const asked = (event) => {
    if (!event.target.classList.contains("react-flow__pane")) return;
    offer(flow, root.current, event);
  };

  return (
    <div
      ref={root}
      className="surface"
      data-references={few ? "few" : "many"}
      tabIndex={-1}
      onPointerDownCapture={(event) => !event.target.closest(FOCUSABLE) && root.current.focus({ preventScroll: true })}
      onKeyDown={keys}
      {...wiring}
      onDoubleClick={asked}
      onDragOver={(event) => event.dataTransfer.types.includes(DRAG) && event.preventDefault()}
      onDrop={dropped}
    >
      <ReactFlow
        {...STEADY}
        aria-label={t("Canvas")}
        defaultNodes={first.nodes}
        defaultEdges={first.edges}
        defaultViewport={remembered(opened) ?? undefined}
        nodeTypes={NODES}
        edgeTypes={EDGES}
        connectionLineComponent={LooseWire}
        onlyRenderVisibleElements={many}
        isValidConnection={mayJoin}
        onConnect={(connection) => join(...ends(connection))}
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
        {...seen}
        onInit={() => arrive(flow, store, opened)}
        panOnScroll
        zoomOnDoubleClick={false}
        edgesFocusable={false}
        elevateNodesOnSelect={false}
        proOptions={{ hideAttribution: true }}
      >
        <Background variant={BackgroundVariant.Dots} gap={24} size={1.5} />
        <Map />
      </ReactFlow>
      <Controls flow={flow} />
      <Empty />
      <HintBar />
      <Hint root={root} />
      <LinkList />
      <QuickAdd />
      <Announcer />
    </div>
  );
};

/** Show a flow for the first time: as it was left, else all of it, else its beginning. */
const arrive = (flow, store, opened) => {
  const { width, height } = store.getState();
  const start = get().model.steps[get().model.order[0]];
  if (remembered(opened) || !start) return;
  const whole = getViewportForBounds(flow.getNodesBounds(flow.getNodes()), width, height, LEAST, 1, 0.12);
  const [x, y] = start.at;
  flow.setViewport(whole.zoom > LEAST ? whole : { x: 48 - x * READABLE, y: height / 2 - (y + 60) * READABLE, zoom: READABLE });
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

/** What follows the view: how much the cards show, what is kept painted while it moves, and where it was left. */
const useSeeing = (root) =>
  useMemo(() => {
    let before = 0;
    const level = (zoom) => {
      for (const [name, limit] of Object.entries(LEVELS)) root.current.classList.toggle(`level-${name}`, zoom < limit && (name !== "speck" || get().model.order.length > SPECKS));
      if (get().tiny !== zoom < LEVELS.tiny) set({ tiny: zoom < LEVELS.tiny });
    };
    return {
      onMove: (_, { zoom }) => {
        root.current.classList.toggle("moving", zoom === before);
        if (zoom !== before) level(zoom);
        before = zoom;
      },
      onMoveEnd: (_, { x, y, zoom }) => {
        root.current.classList.remove("moving");
        try {
          localStorage.setItem(viewKey(get().flow), JSON.stringify({ x, y, zoom }));
        } catch {
          // Nothing to remember it in; next time the flow is shown as if for the first time.
        }
      },
    };
  }, [root]);

/** Keep React Flow's nodes and edges like the model; what did not change keeps its object and is not drawn again. */
const useFollowing = (flow) =>
  useEffect(() => {
    const edges = ({ model, selected }) => flow.setEdges((before) => edgesOf(model, selected.steps, before));
    const stopModel = watch(
      (desk) => desk.model,
      (model, before) => {
        const same = (part) => model[part] === before[part];
        if (!["steps", "order", "notes", "wires"].every(same)) flow.setNodes((nodes) => nodesOf(model, nodes, get().renaming));
        if (!same("wires") || !same("steps")) edges(get());
      },
    );
    const stopSelected = watch(
      (desk) => String(desk.selected.steps),
      () => edges(get()),
    );
    return () => {
      stopModel();
      stopSelected();
    };
  }, [flow]);

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

/** Offer the kinds of nodes at a place on the canvas. */
const offer = (flow, root, { clientX, clientY }, end = null) => {
  const { left, top } = root.getBoundingClientRect();
  const { x, y } = flow.screenToFlowPosition({ x: clientX, y: clientY });
  set({ adding: { x: clientX - left, y: clientY - top, at: end?.type === "target" ? [x - 256, y - 28] : [x, y - 28], end } });
};

/**
 * Drawing wires. React Flow gives every handle two subscriptions to each pointer move; with thousands of ports that
 * is most of a frame, so ports are plain elements and the surface hands their presses on.
 */
const useWiring = (flow, store) => {
  const dragged = useRef(false);
  const press = (event) => {
    const port = event.target.closest?.(".port");
    if (!port || event.button > 0) return;
    const state = store.getState();
    const end = endOf(port);
    const { domNode, nodeLookup, connectionMode, lib, rfId, panBy, cancelConnection, updateConnection } = state;
    dragged.current = false;
    XYHandle.onPointerDown(event.nativeEvent, {
      handleDomNode: port,
      isTarget: end.type === "target",
      handleId: end.port,
      nodeId: end.step,
      flowId: rfId,
      connectionRadius: 28,
      autoPanOnConnect: true,
      autoPanSpeed: state.autoPanSpeed,
      dragThreshold: 4,
      isValidConnection: mayJoin,
      onConnectStart: () => {
        dragged.current = true;
        link(end);
      },
      onConnect: (connection) => join(...ends(connection)),
      onConnectEnd: (up, { toHandle }) => {
        unlink();
        const point = up.changedTouches?.[0] ?? up;
        const below = document.elementFromPoint(point.clientX, point.clientY);
        if (!toHandle && below?.classList.contains("react-flow__pane")) offer(flow, domNode, point, end);
      },
      getTransform: () => store.getState().transform,
      getFromHandle: () => store.getState().connection.fromHandle,
      ...{ domNode, nodeLookup, connectionMode, lib, panBy, cancelConnection, updateConnection },
    });
  };
  const click = (event) => {
    const port = event.target.closest?.(".port");
    if (!port || dragged.current) return;
    const { linking, model, catalog } = get();
    const end = endOf(port);
    if (!linking || linking.type === end.type) return link(end);
    const [from, to] = linking.type === "source" ? [linking, end] : [end, linking];
    if (!refusal(model, catalog.accepts, from, to)) join(linking, end);
  };
  return { onMouseDown: press, onTouchStart: press, onClick: click };
};

export const Canvas = () => {
  const opened = useDesk((desk) => desk.flow);
  return <ReactFlowProvider key={opened}>{opened ? <Surface /> : <div className="surface waits" />}</ReactFlowProvider>;
};
