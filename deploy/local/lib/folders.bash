# Folders of local mode.

LOCAL_DIR=$ROOT/deploy/local
