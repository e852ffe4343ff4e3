export function build(say?: (line: string) => void): Promise<void>;
export function bundleWorkflows(of?: { workflows: string; to: string }): Promise<void>;
