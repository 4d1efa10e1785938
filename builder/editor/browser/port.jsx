// The ends for wires: on the edge of a card, and on the inside of a frame.
import { handleId } from "./geometry.js";
import { AFTER } from "./wires.js";

const HANDLE = "react-flow__handle port nodrag nopan connectable connectablestart connectableend";

/** One end; canvas.jsx listens to all of them at once. lit: while a wire is drawn, what it fits. body: of an inner end. */
export const Port = ({ step, port, type, lit, body }) => {
  const left = type === "target";
  const { name, kind = "any" } = port;
  const handle = handleId({ port: name, body });
  const classes = [HANDLE, `react-flow__handle-${left ? "left" : "right"}`, type, kind];
  if (port.branch) classes.push("branch");
  if (port.lost) classes.push("lost");
  if (name === AFTER || name === "error") classes.push(name);
  if (lit !== null) classes.push(lit.has(`${type}.${handle}`) ? "lit" : "dim");
  return (
    <span
      className={classes.join(" ")}
      data-handleid={handle}
      data-nodeid={step}
      data-handlepos={left ? "left" : "right"}
      data-id={`1-${step}-${handle}-${type}`}
      data-kind={kind}
    />
  );
};

export const Ports = ({ step, ports, type, lit, body }) => (
  <ul className={type === "source" ? "gives" : "takes"}>
    {ports.map((port) => (
      <li key={port.name} className={[port.required && "required", port.setting && "setting", port.lost && "lost"].filter(Boolean).join(" ")}>
        <Port step={step} port={port} type={type} lit={lit} body={body} />
        <span>{port.name}</span>
      </li>
    ))}
  </ul>
);
