# What all stand-ins have in common: what goes wrong, and what is written down of it; see tool.tcl and open.tcl.
#
# Environment:
#   STAND_IN          what goes wrong: KIND:STEP, with KIND
#                       fail      an error message, and the script is told
#                       swallow   the same, but the exit code is 0
#                       crash     it dies by a signal and leaves a child behind
#                       hang      it works for ever, with a child
#                       deaf      the same, and does not listen to SIGTERM
#                       half      half a report, exit code 0
#                       silent    no report, exit code 0
#                     and what the tools' own files list
#   STAND_IN_VERSION  the version it claims to be
#   STAND_IN_CALLS    a file that gets a line for each step that runs
#   STAND_IN_PIDS     a file that gets the process ids of what hangs

set program [lindex $argv 0]
set arguments [lrange $argv 1 end]
proc env {name default} { expr {[info exists ::env($name)] ? $::env($name) : $default} }
rename exit leave

proc refuse {text} {
    puts stderr "ERROR: \[Common 17-69\] $text"
    leave 1
}

lassign [split [env STAND_IN ""] :] kind at

proc note {step} {
    if {[env STAND_IN_CALLS ""] ne ""} {
        set file [open $::env(STAND_IN_CALLS) a]
        puts $file "$::program $step"
        close $file
    }
}

proc goes_wrong {step args} { expr {$::at eq $step && $::kind in $args} }

# A step begins: everything that can go wrong before there is a report.
proc begin {step} {
    note $step
    puts "INFO: \[HLS 200-10\] Running '$step' in [pwd]"
    flush stdout
    if {[goes_wrong $step fail swallow]} {
        puts stderr "ERROR: \[HLS 200-70\] the stand-in fails in $step as it was told\nERROR: \[HLS 200-71\] a second error"
        error "$step failed"
    }
    if {[goes_wrong $step crash hang deaf]} { stuck }
}

proc stuck {} {
    set trap [expr {$::kind eq "deaf" ? "trap '' TERM;" : ""}]
    set child [exec sh -c "$trap while :; do sleep 1; done" <@stdin >@stdout 2>@stderr &]
    if {[env STAND_IN_PIDS ""] ne ""} {
        set file [open $::env(STAND_IN_PIDS) w]
        puts $file "[pid] $child"
        close $file
    }
    puts "the stand-in is stuck"
    flush stdout
    if {$::kind eq "crash"} { exec kill -SEGV [pid] }
    while 1 { after 1000 }
}

# Writes a report; half of it or nothing if told so.
proc report {step path text} {
    if {[goes_wrong $step silent]} { return }
    file mkdir [file dirname $path]
    set file [open $path w]
    if {[goes_wrong $step half]} { set text [string range $text 0 [expr {[string length $text] / 2}]] }
    puts -nonewline $file $text
    close $file
}
