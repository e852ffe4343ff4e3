/** The workflows that a control worker runs; the bundle's entry. */
export { hostWorkflow } from './host-workflow.ts';
export { mergeLaneWorkflow } from './merge-lane-workflow.ts';
export { missionWorkflow } from './mission-workflow.ts';
export { sweepWorkflow } from './sweep-workflow.ts';
export { taskWorkflow } from './task-workflow.ts';
