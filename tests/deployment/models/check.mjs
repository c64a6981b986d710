// Holds the resources of the Prometheus operator in a file against the operator's own schemas: values by what they allow,
// keys by the types that are made of them, since the schemas let any key pass.
// Usage: node check.mjs FILE

import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { PodMonitor, PrometheusRule } from "@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1";
import ts from "typescript";
import { parseAllDocuments } from "yaml";

const expected = { PodMonitor, PrometheusRule };
const found = parseAllDocuments(readFileSync(process.argv[2], "utf8")).map((document) => document.toJS());
const resources = found.filter((resource) => Object.hasOwn(expected, resource?.kind ?? ""));
const kinds = resources.map((resource) => resource.kind).sort();
if (kinds.join() !== Object.keys(expected).sort().join()) {
  console.error(`expected one of each of ${Object.keys(expected)}, found ${kinds}`);
  process.exit(1);
}
resources.forEach((resource) => new expected[resource.kind](resource).validate());

const typed = resources.map(({ kind, ...rest }) => {
  const value = JSON.stringify({ ...rest, kind }, null, 2);
  return `import type { I${kind} } from "@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1";
export const the${kind}: I${kind} = ${value};\n`;
});
const file = fileURLToPath(new URL("resources.ts", import.meta.url));
writeFileSync(file, typed.join(""));
const program = ts.createProgram([file], {
  module: ts.ModuleKind.NodeNext,
  moduleResolution: ts.ModuleResolutionKind.NodeNext,
  noEmit: true,
  skipLibCheck: true,
  strict: true,
  types: [],
});
const complaints = ts.getPreEmitDiagnostics(program);
if (complaints.length > 0) {
  const place = { getCanonicalFileName: (name) => name, getCurrentDirectory: () => "", getNewLine: () => "\n" };
  console.error(ts.formatDiagnostics(complaints, place));
  process.exit(1);
}
