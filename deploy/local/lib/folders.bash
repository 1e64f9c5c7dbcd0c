# Where this mode's own things are.

LOCAL_DIR=$ROOT/deploy/local

# What two of the programs write for people and tests to read.
MAIL_DIR=$RUN_DIR/data/mail-catcher/mail
PROVIDER_LOG=$RUN_DIR/data/sandbox-provider/provider.jsonl
