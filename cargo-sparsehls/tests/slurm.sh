#!/usr/bin/env bash
# The key `launcher` with Slurm's real srun: a cluster of one machine in a temporary folder, stand-ins for the vendor's
# tools on it, and `cargo sparsehls build` in front.
#
#   apt install slurm-wlm munge tcl
#   SPARSEHLS_SLURM=1 cargo test -p cargo-sparsehls --test cli slurm -- --nocapture
#
# The test calls this script with the path of the binary. The cluster has its own key, ports and folders, and ends with
# the script; an existing Slurm on the machine is not touched.
set -euo pipefail
tool=$1
here=$(cd "$(dirname "$0")" && pwd)
root=$(mktemp -d)
chmod 755 "$root"
PATH=$here/stand-in/bin:$PATH:/usr/sbin:/sbin
export STAND_IN_CALLS=$root/calls STAND_IN_PIDS=$root/pids SLURM_CONF=$root/slurm.conf
say() { printf '== %s\n' "$*"; }
die() { printf 'FAILED: %s\n' "$*"; tail -n 20 "$root"/*.log "$root/said" 2>/dev/null || true; exit 1; }
# Polls, as long as a busy machine may need.
until_so() {
    local what=$1; shift
    for _ in $(seq 600); do if "$@" >/dev/null 2>&1; then return; fi; sleep 0.1; done
    die "it did not happen: $what"
}
for program in slurmctld slurmd srun munged tclsh; do
    command -v "$program" >/dev/null || { echo "SKIPPED: $program is not installed (apt install slurm-wlm munge tcl)"; exit 77; }
done

say "A cluster of one machine in $root, $(slurmd -V)"
mkdir "$root/state" "$root/spool" "$root/munge"
chmod 700 "$root/munge"
(umask 077; head -c 1024 /dev/urandom >"$root/munge/key")
user=$(id -un) name=$(hostname -s) port=$((20000 + RANDOM % 20000))
cat >"$SLURM_CONF" <<END
ClusterName=sparsehls
SlurmctldHost=$name(127.0.0.1)
SlurmctldPort=$port
SlurmdPort=$((port + 1))
SrunPortRange=$((port + 10))-$((port + 99))
AuthType=auth/munge
AuthInfo=socket=$root/munge/socket
CredType=cred/munge
SlurmUser=$user
SlurmdUser=$user
StateSaveLocation=$root/state
SlurmdSpoolDir=$root/spool
SlurmctldPidFile=$root/slurmctld.pid
SlurmdPidFile=$root/slurmd.pid
SlurmctldLogFile=$root/slurmctld.log
SlurmdLogFile=$root/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
MpiDefault=none
SwitchType=switch/none
ReturnToService=2
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
KillWait=5
NodeName=$name NodeAddr=127.0.0.1 $(slurmd -C | grep -o 'CPUs=.*' | head -1)
PartitionName=all Nodes=$name Default=YES State=UP
END
echo "CgroupPlugin=cgroup/v1" >"$root/cgroup.conf"
munged --foreground --force --key-file "$root/munge/key" --socket "$root/munge/socket" --pid-file "$root/munge/pid" \
    --log-file "$root/munged.log" --seed-file "$root/munge/seed" 2>/dev/null &
pids=($!)
finish() {
    kill "${pids[@]}" 2>/dev/null || true
    wait "${pids[@]}" 2>/dev/null || true
    rm -rf "$root"
}
trap finish EXIT
until_so "munge answers" munge -S "$root/munge/socket" -n
slurmctld -D -i >/dev/null 2>&1 & pids+=($!)
until_so "slurmctld answers" scontrol ping
slurmd -D -N "$name" >/dev/null 2>&1 & pids+=($!)
until_so "the node is idle" sh -c 'sinfo -h -o %T | grep -qx idle'

say "A firmware package that is built through srun"
mkdir -p "$root/firmware/src" "$root/firmware/models"
touch "$root/firmware/src/lib.rs"
cp "$here"/../../build-support/tests/fixtures/dense-only.keras "$root/firmware/models/net.keras"
cat >"$root/firmware/Cargo.toml" <<END
[package]
name = "firmware"
version = "0.0.0"
edition = "2024"
[workspace]
[package.metadata.sparsehls.models.net]
source = "models/net.keras"
launcher = ["srun", "--quiet", "--mem=64M", "--job-name=synthesis"]
END
cd "$root/firmware"
unset CARGO_TARGET_DIR
project=$root/firmware/target/sparsehls/firmware/net
build() { "$tool" sparsehls build --synth require "$@" >"$root/said" 2>&1; }
# What Slurm itself says about its last job.
last_job() { scontrol show jobs -o | sed 's/.*\(JobId=[0-9]*\)/\1/' | sort -t= -k2 -n | tail -1; }
expect() { last_job | grep -q "$1" || die "the last job has no $1: $(last_job)"; }
ran() { [ "$(paste -sd, "$root/calls" 2>/dev/null)" = "$1" ] || die "ran: $(cat "$root/calls"), not $1"; rm -f "$root/calls"; }
code() { local expected=$1 found=0; shift; "$@" || found=$?; [ "$found" = "$expected" ] || die "exit $found, not $expected: $*"; }

say "A run that ends well: every tool is a job of its own, in the project's folder"
code 0 build --steps synth,vsynth
ran "vitis-run synth,vivado vsynth"
expect "JobName=synthesis" && expect "JobState=COMPLETED" && expect "WorkDir=$project" && expect "Command=.*/vivado"
grep -q "sparsehls: synth done" "$project/hls.log" || die "the log is not here"
[ "$(scontrol show jobs -o | wc -l)" = 2 ] || die "not two jobs"

say "Nothing has changed: no job"
code 0 build --steps synth,vsynth
[ "$(scontrol show jobs -o | wc -l)" = 2 ] || die "another job"

say "A tool that fails: its exit code comes back"
echo 'clock-period = 4.0' >>Cargo.toml
STAND_IN=fail:synth code 5 build
grep -q "the stand-in fails in synth as it was told" "$root/said" || die "the error is not shown"
expect "JobState=FAILED" && expect "ExitCode=1:0"
ran "vitis-run synth"

say "Ctrl-C: the job and what it started end, and the next build resumes"
STAND_IN=hang:cosim "$tool" sparsehls build --synth require --steps synth,cosim >"$root/said" 2>&1 & build=$!
until_so "a stand-in hangs" grep -q . "$root/pids"
[ "$(squeue -h | wc -l)" = 1 ] || die "no job runs"
kill -INT $build
code 130 wait $build
grep -q "finished in this run: synth" "$root/said" || die "it does not say what is finished"
until_so "no job is left" sh -c '[ -z "$(squeue -h)" ]'
for pid in $(cat "$root/pids"); do
    # shellcheck disable=SC2016 # for the other shell
    until_so "process $pid has ended" sh -c '! ps -o stat= -p "$0" | grep -qv "^Z"' "$pid"
done
rm -f "$root/pids" "$root/calls"
code 0 build --steps synth,cosim
ran "vitis-run cosim"

say "A timeout ends the job"
printf 'tool-timeout = 0.1\n' >>Cargo.toml
sed -i 's/clock-period = 4.0/clock-period = 3.0/' Cargo.toml
STAND_IN=hang:synth code 5 build
grep -q "longer than the 0.1 minutes of .tool-timeout" "$root/said" || die "it does not say why"
until_so "no job is left" sh -c '[ -z "$(squeue -h)" ]'
for pid in $(cat "$root/pids"); do
    until_so "process $pid has ended" sh -c '! ps -o stat= -p "$0" | grep -qv "^Z"' "$pid"
done
say "Everything as it should be; the jobs were"
scontrol show jobs -o | grep -oE '(JobId|JobState|ExitCode|WorkDir|Command)=[^ ]*' | paste - - - - -
