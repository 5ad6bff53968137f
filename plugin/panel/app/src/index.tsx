// SPDX-License-Identifier: Apache-2.0
// Register the panel's component with the App.

import { PluginComponentType, registerComponent } from "@fiftyone/plugins";
import { TrackAuditView } from "./Panel";

registerComponent({
  name: "TrackAuditView",
  label: "Track audit",
  component: TrackAuditView,
  type: PluginComponentType.Component,
  activator: () => true,
});
