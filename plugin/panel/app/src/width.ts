// SPDX-License-Identifier: Apache-2.0
// Measure elements.

import { useEffect, useState } from "react";

/** Return an element's width in pixels, and the ref that attaches to the element. */
export function useWidth(): [number, (node: HTMLElement | null) => void] {
  const [node, setNode] = useState<HTMLElement | null>(null);
  const [width, setWidth] = useState(0);
  useEffect(() => {
    if (!node) return undefined;
    const watcher = new ResizeObserver(([{ contentRect }]) => setWidth(Math.floor(contentRect.width)));
    watcher.observe(node);
    return () => watcher.disconnect();
  }, [node]);
  return [width, setNode];
}
