// A flow that is only looked at, with what a run says of its steps; each one on a page has a state of its own.
import "@xyflow/react/dist/base.css";
import { ReactFlowProvider, useReactFlow, useStoreApi } from "@xyflow/react";
import { useContext, useEffect, useLayoutEffect, useRef, useState } from "react";
import { fold, turnAround } from "./actions.js";
import { Card } from "./card.jsx";
import { Zoom } from "./controls.jsx";
import { createDesk, DeskContext, renewed, useDesk } from "./desk.js";
import { Ground } from "./ground.jsx";
import { modelOf } from "./model.js";
import { Remark } from "./note.jsx";
import { fit, intoSight, lasting } from "./sight.js";
import { useWords } from "./words.js";

const NODES = { step: Card, note: Remark };

/**
 * view: a flow as the server reads it {steps, wires, notes, …}; name: of it, another one begins anew. overlay: what a
 * run says, by step. selected: the id of the chosen step, or empty. onSelect(id): somebody
 * chose another one. onScope(chosen): the rounds and items that are shown, where it is not the latest.
 */
export const Viewer = ({ name, view, overlay, selected, icons, onSelect, scope, onScope }) => {
  const [desk] = useState(createDesk);
  useLayoutEffect(() => desk.set({ icons }), [desk, icons]);
  useLayoutEffect(() => {
    if (view?.steps) desk.set({ flow: name, model: modelOf(view) });
  }, [desk, name, view]);
  useLayoutEffect(() => desk.set({ overlay: renewed(desk.get().overlay, overlay) }), [desk, overlay]);
  useLayoutEffect(() => {
    if (scope?.chosen) desk.set({ chosen: scope.chosen });
  }, [desk, scope]);
  useEffect(() => desk.watch(({ chosen }) => chosen, (chosen) => onScope?.(chosen)), [desk]);
  return (
    <DeskContext.Provider value={desk}>
      <div className="editor viewer">
        <Shown selected={selected} onSelect={onSelect} />
      </div>
    </DeskContext.Provider>
  );
};

/** The flow once the desk has it: React Flow takes what there is when it is made. */
const Shown = (chosen) => {
  const opened = useDesk((desk) => desk.flow);
  return <ReactFlowProvider key={opened}>{opened ? <Sight {...chosen} /> : <div className="surface waits" />}</ReactFlowProvider>;
};

const Sight = ({ selected, onSelect }) => {
  const t = useWords();
  const root = useRef(null);
  const flow = useReactFlow();
  const store = useStoreApi();
  const desk = useContext(DeskContext);
  useSelected(flow, store, selected);
  const keys = (event) => {
    const step = event.target.closest(".react-flow__node-step")?.dataset.id;
    if ((event.key === "Enter" || event.key === " ") && step) onSelect(step);
    else if (event.key === "o" && step) fold(step, desk);
    else if ((event.key === "," || event.key === ".") && step) turnAround(desk, step, event.key === "." ? 1 : -1);
    else if (event.key === "Escape") onSelect("");
    else if (event.key === "1") fit(flow);
    else if (event.key === "+") flow.zoomIn({ duration: lasting(200) });
    else if (event.key === "-") flow.zoomOut({ duration: lasting(200) });
    else return;
    event.preventDefault();
  };
  const over = (
    <div className="tools" role="toolbar" aria-label={t("Canvas tools")}>
      <Zoom flow={flow} />
    </div>
  );
  return (
    <Ground
      root={root}
      nodes={NODES}
      surface={{ onKeyDown: keys }}
      over={over}
      nodesDraggable={false}
      nodesConnectable={false}
      elementsSelectable={false}
      panOnScroll={false}
      preventScrolling={false}
      zoomOnScroll={false}
      onNodeClick={(_, node) => node.type === "step" && onSelect(node.id)}
      onPaneClick={() => onSelect("")}
    />
  );
};

/** Mark the chosen step, and bring it into sight when it was chosen elsewhere. */
const useSelected = (flow, store, selected) => {
  const desk = useContext(DeskContext);
  useEffect(() => {
    desk.set({ selected: { steps: selected ? [selected] : [], wires: [], notes: [] } });
    flow.setNodes((nodes) => nodes.map((node) => (!!node.selected === (node.id === selected) ? node : { ...node, selected: node.id === selected })));
    const chosen = flow.getInternalNode(selected);
    if (chosen) intoSight(flow, store, chosen);
  }, [desk, flow, store, selected]);
};
