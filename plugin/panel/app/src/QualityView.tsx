// SPDX-License-Identifier: Apache-2.0
// How much better the labels got, and how many mistakes are likely left.

import React, { useState } from "react";
import { useCall } from "./api";
import { Problem } from "./Problem";
import { compareRates } from "./quality";
import { Select } from "./Select";
import * as store from "./state";
import { formatCount } from "./text";
import type { Kind, Quality } from "./types";

const GROUPS: [string, string][] = [
  ["kind", "by kind"],
  ["sequence", "by sequence"],
  ["label", "by label"],
  ["annotator", "by annotator"],
];

/** Measure the labels when the user asks for it, since that audits them twice. */
export function QualityView({ kinds }: { kinds: Kind[] }) {
  const call = useCall();
  const [quality, setQuality] = useState<Quality | null>(null);
  const [problem, setProblem] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const measure = () => {
    setBusy(true);
    setProblem(null);
    call<Quality>("show_quality")
      .then(setQuality, (error: Error) => setProblem(error.message))
      .finally(() => setBusy(false));
  };
  return (
    <section className="quality" data-testid="quality">
      <div className="row">
        <button className="primary" disabled={busy} onClick={measure}>
          {busy ? "Measuring…" : quality ? "Measure again" : "Measure quality"}
        </button>
        <span className="quiet">Audits the labels as they were before the first fix, and as they are now.</span>
      </div>
      {problem && <Problem text={problem} />}
      {quality && <Figures quality={quality} />}
      {quality && <Rates quality={quality} kinds={kinds} />}
    </section>
  );
}

function Figures({ quality: { boxes, changed, rates, issues, mistakes_left: left, agreement } }: { quality: Quality }) {
  const all = rates.find(({ group }) => group === "all");
  const decided = Object.entries(issues).map(([name, number]) => `${formatCount(number)} ${name}`);
  const figures: [string, string][] = [
    ["issues per 1,000 boxes", `${(all?.before ?? 0).toFixed(1)} before, ${(all?.after ?? 0).toFixed(1)} now`],
    ["boxes changed", `${formatCount(changed)} of ${formatCount(boxes)}`],
    ["issues", decided.join(", ")],
    ["mistakes left", `about ${left.mean.toFixed(0)} (90% interval ${left.low} to ${left.high})`],
  ];
  for (const [name, value] of Object.entries(agreement ?? {}))
    figures.push([`${name} of before against now`, value.toFixed(3)]);
  return (
    <dl>
      {figures.map(([name, value]) => (
        <React.Fragment key={name}>
          <dt className="quiet">{name}</dt>
          <dd>{value}</dd>
        </React.Fragment>
      ))}
    </dl>
  );
}

/** Bars of the issues per 1,000 boxes before and now. A kind or a sequence filters the list. */
function Rates({ quality: { rates }, kinds }: { quality: Quality; kinds: Kind[] }) {
  const [group, setGroup] = useState("kind");
  const known = GROUPS.filter(([name]) => rates.some((rate) => rate.group === name));
  const names = Object.fromEntries(kinds.map(({ kind, name }) => [kind, name]));
  const filter = (name: string) => {
    const { filters } = store.get();
    const change = group === "kind" ? { kinds: [name] } : { sequence: name };
    store.narrow({ filters: { ...filters, ...change } });
  };
  return (
    <>
      <Select label="Group" value={group} options={known} pick={setGroup} />
      <div className="rates">
        {compareRates(rates, group).map(({ name, before, after, wide, narrow }) => (
          <button
            key={name}
            data-testid="rate"
            title={`${before.toFixed(2)} before, ${after.toFixed(2)} now`}
            disabled={group !== "kind" && group !== "sequence"}
            onClick={() => filter(name)}
          >
            <span>{names[name] ?? name}</span>
            <i className="bars">
              <i className="before" style={{ width: `${wide}%` }} />
              <i className="after" style={{ width: `${narrow}%` }} />
            </i>
            <span className="quiet">
              {before.toFixed(1)} → {after.toFixed(1)}
            </span>
          </button>
        ))}
      </div>
    </>
  );
}
