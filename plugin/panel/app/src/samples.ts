// SPDX-License-Identifier: Apache-2.0
// Show the listed issues in the App's grid, too, as the App's own panels filter samples.

import { useEffect, useRef } from "react";
import { useCall } from "./api";
import * as store from "./state";

/** Show the samples of the issues that match the filters, as long as the user wants that. */
export function useSamples(): void {
  const call = useCall();
  const { samples, filters } = store.useStored();
  const shown = useRef<string | null>(null);
  const wanted = samples ? JSON.stringify(filters) : null;
  useEffect(() => {
    if (shown.current === wanted) return;
    shown.current = wanted;
    call("show_samples", wanted ? JSON.parse(wanted) : { all: true }).catch((error: Error) =>
      store.set({ failure: error.message, samples: false }),
    );
  }, [call, wanted]);
}
