DROP INDEX "forge_pull_requests_open";--> statement-breakpoint
CREATE UNIQUE INDEX "forge_pull_requests_open" ON "forge_pull_requests" USING btree ("repository_id","branch") WHERE state = 'open';