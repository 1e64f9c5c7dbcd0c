# A lock on the run folder: one `make up` at a time.

lock_run_dir() {
    exec {LOCK}>"$RUN_DIR/lock"
    flock --nonblock "$LOCK" || die "another make up is at work in $RUN_DIR."
}
