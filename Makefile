# The text after ## describes a target; `make help` prints it. Variables given to make (a port, MODE, YES=1) reach the
# scripts through the environment.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help up demo down clean status logs env test chaos drills windows mutants bench bench-orders verify

help: ## show this
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

up: ## build and start everything, wait until it is ready, print the addresses; a second run changes nothing
	@deploy/run up

demo: ## send orders through all services and show their timelines
	@deploy/run demo

down: ## stop everything; the data stays
	@deploy/run down

clean: ## stop everything and delete the data (asks; YES=1 does not)
	@deploy/run clean

status: ## one line for each process: ready, restarts, memory, address; exit code 0 when all are ready
	@deploy/run status

logs: ## follow a log: make logs service=NAME (follow=0: only the last lines)
	@FOLLOW=$(follow) deploy/run logs $(service)

env: ## addresses and credentials, as shell exports
	@deploy/run env

test: ## run all tests on servers of their own; the last line is the summary
	@deploy/local/test

chaos: ## random faults under load, then the verdict: make chaos SEED=7 MINUTES=10 ORDERS_PER_S=20
	@deploy/local/chaos $(if $(SEED),--seed $(SEED)) --orders-per-s $(or $(ORDERS_PER_S),20) storm --minutes $(or $(MINUTES),10)

drills: ## single faults under load, each with a figure to reach (about 10 minutes)
	@deploy/local/chaos $(if $(SEED),--seed $(SEED)) --orders-per-s $(or $(ORDERS_PER_S),20) drills

windows: ## a crash or a lost answer in each crash window, 20 times or TIMES=…, then the verdict (about 30 minutes)
	@CHAOS_BUILD=tests deploy/local/chaos $(if $(SEED),--seed $(SEED)) --orders-per-s $(or $(ORDERS_PER_S),5) windows --times $(or $(TIMES),20)

mutants: ## deliberate defects, each of which must turn the verdict red (about an hour)
	@deploy/local/mutants

bench: ## figures beside floors of the same run, on servers of their own: relay, consumer, gateway, orders (about 20 minutes)
	@deploy/local/bench relay
	@deploy/local/bench events
	@deploy/local/bench snapshot
	@deploy/local/bench gateway
	@deploy/local/bench orders

bench-orders: ## orders through all services: rate, costs and time: make bench-orders SECONDS=60 PRODUCTS=20
	@deploy/local/bench orders $(if $(SECONDS),--seconds $(SECONDS)) $(if $(PRODUCTS),--products $(PRODUCTS))

verify: ## format, lints, rules, licences, scripts, checked SQL
	@deploy/verify
