# Stand-ins for Verilator, yosys and nextpnr, as tool.tcl has them for the vendor's: they check their command line against
# the project, and write reports with invented figures.
#
# The environment of common.tcl, with the steps sim (Verilator), run (what it makes), synth, wrap (yosys before nextpnr) and
# pnr, and the kind
#   mismatch  (run) events differ; (pnr) the clock is not met

source [file join [file dirname [info script]] common.tcl]

proc need {args} {
    foreach path $args {
        if {![file isfile $path]} { refuse "there is no file $path in [pwd]" }
    }
}

# A step begins; `begin` raises what a script would be told.
proc start {step} {
    if {[catch {begin $step} message]} { leave [expr {$::kind eq "swallow" ? 0 : 1}] }
}

proc verilator {} {
    global arguments
    if {$arguments eq {--version}} { return [puts "Verilator [env STAND_IN_VERSION 5.006] 2023-01-22 rev (a stand-in)"] }
    set top [lindex $arguments 11]
    set wanted [list --cc --exe --build -j 0 -O3 -MAKEFLAGS OPT_FAST=-O0 -MAKEFLAGS OPT_SLOW=-O0 --top-module $top \
        -Mdir sim/obj -o sim rtl/$top.v ../main.cpp]
    if {$arguments ne $wanted} { refuse "wrong arguments: $arguments" }
    need rtl/$top.v sim/main.cpp
    start sim
    file mkdir sim/obj
    set file [open sim/obj/sim w]
    puts $file "#!/bin/sh\nexec tclsh '[file normalize [info script]]' sim \"\$@\""
    close $file
    file attributes sim/obj/sim -permissions 0755
}

proc sim {} {
    if {$::arguments ne {}} { refuse "wrong arguments: $::arguments" }
    need sim/main.cpp
    start run
    set different [expr {[goes_wrong run mismatch] ? 3 : 0}]
    report run sim/report.json \
        "{\"events\":268,\"events-different\":$different,\"latency-cycles\":30,\"interval-cycles\":5}\n"
    if {$different} {
        puts stderr "event 7: out_data is 1, and the reference has 2"
        leave 1
    }
}

proc yosys {} {
    global arguments
    if {$arguments eq {-V}} { return [puts "Yosys [env STAND_IN_VERSION 0.23] (git sha1 7ce5011c24b)"] }
    lassign $arguments quiet flag script
    if {[llength $arguments] != 3 || $quiet ne "-q" || $flag ne "-s"} { refuse "wrong arguments: $arguments" }
    need $script
    set file [open $script]
    set text [read $file]
    close $file
    foreach {- path} [regexp -all -inline {read_\w+ (\S+)} $text] { need $path }
    start [expr {[file tail $script] eq "pnr.ys" ? "wrap" : "synth"}]
    if {[file tail $script] eq "pnr.ys"} {
        if {![regexp -- {-json (synth/\S+_pnr.json)} $text - netlist]} { refuse "$script writes no netlist" }
        return [report wrap $netlist "{}\n"]
    }
    if {[regexp {write_json (\S+)} $text - netlist]} { report synth $netlist "{}\n" }
    foreach path {synth/levels.txt synth/stat.txt synth/stat.json} {
        if {[string first "tee -q -o $path " $text] < 0} { refuse "$script leaves no $path" }
    }
    report synth synth/stat.txt "a stand-in\n"
    report synth synth/levels.txt "\nLongest topological path in net (length=9):\n"
    report synth synth/stat.json "{\n \"creator\": \"Yosys 0.23 (a stand-in)\",\n \"design\": {\n  \"num_cells_by_type\": {
   \"[expr {[string first synth_xilinx $text] < 0 ? "LUT4" : "\$lut_6"}]\": 4000,\n   \"FDRE\": 3000\n  }\n }\n}\n"
}

proc nextpnr {} {
    global arguments program
    if {$arguments eq {--version}} {
        return [puts "\"$program\" -- Next Generation Place and Route (Version nextpnr-[env STAND_IN_VERSION 0.7])"]
    }
    set form {^--(um5?g?-)?\d+k --package \S+ --speed [678] --json (synth/\S+_pnr.json) --freq ([0-9.]+) --timing-allow-fail --report (\S+)$}
    if {![regexp $form $arguments - - netlist freq report]} { refuse "wrong arguments: $arguments" }
    need $netlist
    start pnr
    set fmax [expr {[goes_wrong pnr mismatch] ? $freq / 2 : $freq + 15.5}]
    report pnr $report "{\"critical_paths\": \[\], \"fmax\": {\"clk\": {\"achieved\": $fmax, \"constraint\": $freq}},
 \"utilization\": {\"DP16KD\": {\"used\": 0, \"available\": 208}, \"TRELLIS_COMB\": {\"used\": 9000, \"available\": 83640}}}\n"
}

switch -glob -- $program {
    *nextpnr-ecp5 { nextpnr }
    default { $program }
}
leave 0
