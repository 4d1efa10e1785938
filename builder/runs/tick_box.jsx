// A tick that is seen at once; the server hears of it, and what it says goes.
import { useEffect, useState } from "react";

export const TickBox = ({ label, ticked, onTick }) => {
  const [on, set] = useState(ticked);
  useEffect(() => set(ticked), [ticked]);
  const change = ({ target }) => {
    set(target.checked);
    onTick(target.checked);
  };
  return (
    <label className="tick-box">
      <input type="checkbox" aria-label={label} checked={on} onChange={change} />
    </label>
  );
};
