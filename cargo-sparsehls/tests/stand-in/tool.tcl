# A stand-in for the vendor's tools, for tests and for trying out `cargo sparsehls build` without them:
#
#   PATH=cargo-sparsehls/tests/stand-in/bin:$PATH cargo sparsehls build
#
# It checks its command line, runs the project's script in Tcl, checks every vendor command that the script calls against
# what the project has, and writes reports in the vendor's format. It synthesizes nothing: every figure is invented.
#
# The environment of common.tcl, with the steps csim, synth, cosim, export, vsynth, impl and vivado, and the kinds
#   undef     a report that does not know latency and interval
#   rewind    (synth) the first process with steps is not rewound, and the log says so
#   large     (synth) the design is large, and the log says so
#   mismatch  (cosim) the report says Fail; (vsynth, impl, vivado) timing is not met

source [file join [file dirname [info script]] common.tcl]
switch -- $program {
    vivado_hls { set version 2020.1 }
    vitis-run { set version 2023.2 }
    default { set version 2023.1 }
}
set version [env STAND_IN_VERSION $version]

# ---- the command line

proc script_of {} {
    global program arguments version
    set asked [expr {$program eq "vitis-run" ? "--version" : "-version"}]
    if {$arguments eq [list $asked]} {
        puts "****** $program v$version (64-bit)\n  **** a stand-in: it synthesizes nothing"
        leave 0
    }
    switch -- $program {
        vitis-run { set head {--mode hls --tcl} }
        vitis_hls - vivado_hls { set head {-f} }
        vivado { set head {-mode batch -source} }
        default { refuse "no tool is called $program" }
    }
    set size [llength $head]
    if {[llength $arguments] != $size + 1 || [lrange $arguments 0 $size-1] ne $head} { refuse "wrong arguments: $arguments" }
    set script [lindex $arguments end]
    if {![file isfile $script]} { refuse "there is no script $script in [pwd]" }
    return $script
}

# ---- the commands of the HLS tools

# What the script has set up so far.
array set design {project "" solution "" top "" part "" period "" uncertainty "" sources {} benches {} names "" schedule ""}

proc need {args} {
    foreach name $args {
        if {$::design($name) eq ""} { error "ERROR: \[HLS 200-101\] [lindex [info level -1] 0]: no $name is set" }
    }
}

proc usage {command} { error "ERROR: \[HLS 200-101\] wrong arguments of $command: [lrange [info level -1] 1 end]" }

proc open_project {args} {
    if {[llength $args] == 2 && [lindex $args 0] eq "-reset"} {
        set args [lrange $args 1 end]
        file delete -force -- [lindex $args 0]
    }
    if {[llength $args] != 1 || [string match -* $args]} { usage open_project }
    set ::design(project) [lindex $args 0]
    file mkdir $::design(project)
}
proc set_top {name} { need project; set ::design(top) $name }
proc add_files {args} {
    if {$::program eq "vivado"} { return [add_sources {*}$args] }
    need project
    set bench [expr {[lindex $args 0] eq "-tb"}]
    if {$bench} { set args [lrange $args 1 end] }
    set path [lindex $args 0]
    set rest [lrange $args 1 end]
    set standard [expr {$::program eq "vivado_hls" ? "-std=c++0x" : "-std=c++14"}]
    if {$rest ne {} && $rest ne [list -cflags $standard]} { usage add_files }
    if {![file exists $path]} { error "ERROR: \[HLS 200-0\] cannot find $path" }
    lappend ::design([expr {$bench ? "benches" : "sources"}]) $path
}
proc open_solution {args} {
    need project
    if {[lindex $args 0] eq "-reset"} { set args [lrange $args 1 end] }
    if {[llength $args] != 1} { usage open_solution }
    set ::design(solution) [file join $::design(project) [lindex $args 0]]
    file mkdir $::design(solution)
}
proc set_part {part} {
    need solution
    if {![regexp {^[A-Za-z0-9_.:/-]+$} $part]} { usage set_part }
    set ::design(part) $part
}
proc create_clock {args} {
    array set given {-name default}
    if {[catch {array set given [lrange $args 0 3]}] || ![string is double -strict $given(-period)]} { usage create_clock }
    set ::design(period) $given(-period)
}
if {$program eq "vivado_hls"} {
    # Vitis HLS refuses it.
    proc config_array_partition {option size} {
        need solution
        if {$option ne "-maximum_size" || ![string is integer -strict $size]} { usage config_array_partition }
    }
}
proc config_compile {option length} {
    need solution
    if {$option ne "-name_max_length" || ![string is integer -strict $length]} { usage config_compile }
    set ::design(names) $length
}
proc config_rtl {option level} {
    need solution
    if {$option ne "-reset_level" || $level ni {low high}} { usage config_rtl }
}
proc config_schedule {option} {
    need solution
    if {$option ne "-enable_dsp_full_reg=false"} { usage config_schedule }
    set ::design(schedule) $option
}
# What scripts of users call; anything else is unknown, as it is to the tool.
proc set_directive_pipeline {args} {
    need top uncertainty schedule
    if {[llength $args] < 1} { usage set_directive_pipeline }
    note "directive [lindex $args end]"
}
proc set_clock_uncertainty {value clock} {
    need period
    if {![regexp {^[0-9.]+%$} $value] || $clock ne "default"} { usage set_clock_uncertainty }
    set ::design(uncertainty) $value
}

# The text of the sources with what they include from the project.
proc source_text {path} {
    set file [open $path]
    set text [read $file]
    close $file
    return $text
}
proc check_sources {} {
    need top sources part period uncertainty names schedule
    foreach path $::design(sources) {
        set text [source_text $path]
        if {![regexp "\\mvoid\\s+$::design(top)\\s*\\(" $text]} { error "ERROR: \[HLS 207-1\] no function $::design(top) in $path" }
        foreach {- header} [regexp -all -inline {#include "([^"]+)"} $text] {
            if {![file isfile [file join [file dirname $path] $header]]} { error "ERROR: \[HLS 207-2\] $header is not found" }
        }
    }
}
proc need_synthesis {} {
    if {![file isfile [file join $::design(solution) syn report $::design(top)_csynth.xml]]} {
        error "ERROR: \[COSIM 212-300\] there is no RTL: run csynth_design first"
    }
}

proc csim_design {} {
    check_sources
    need benches
    begin csim
    puts "$::design(top): the stand-in runs no test bench"
}

# The plan of the project: the interval of the whole, and processes with their steps.
proc planned {} {
    set file [open plan.json]
    set text [read $file]
    close $file
    regexp {"interval": (\d+)} $text - interval
    set processes {}
    foreach {- name steps} [regexp -all -inline {"name": "(\w+)",\s+"steps": (\d+)} $text] { lappend processes $name $steps }
    return [list $interval $processes]
}

# A module for each process, and its loop.
proc process_modules {} {
    lassign [planned] interval processes
    set text ""
    set broken [goes_wrong synth rewind]
    if {[llength $processes] == 2} { return "" }
    foreach {name steps} $processes {
        set achieved [expr {$steps > 1 ? $steps : $interval}]
        set type yes
        if {$steps > 1} { set type "loop rewind stp (delay=1 cycles)" }
        if {$steps > 1 && $broken} {
            set achieved [expr {$steps + 14}]
            set type "loop stp"
            set broken 0
            puts "WARNING: \[HLS 200-957\] Cannot apply rewind in module '$name' (loop 'steps')."
        }
        append text "<Module>\n<Name>$name</Name>\n[estimates $name 6 $achieved 4000 $type [expr {$steps > 1 ? $steps : 0}]]\n</Module>\n"
    }
    return $text
}

proc csynth_design {} {
    check_sources
    begin synth
    set count [expr {[goes_wrong synth large] ? "1,500,000" : "12,345"}]
    puts "INFO: \[HLS 200-1995\] There were $count instructions in the design after the 'Unroll/Inline (step 2)' phase of compilation."
    set folder [file join $::design(solution) syn]
    report synth [file join $folder report $::design(top)_csynth.xml] [csynth_xml {}]
    report synth [file join $folder report csynth.xml] [csynth_xml [modules]]
    file mkdir [file join $folder verilog]
    set file [open [file join $folder verilog $::design(top).v] w]
    puts $file "module $::design(top) (input ap_clk);\n// a stand-in: no hardware\nendmodule"
    close $file
}

proc estimates {name latency interval lut {type no} {steps 0}} {
    set loops ""
    if {$steps} {
        set loops "<SummaryOfLoopLatency>\n<steps>\n<Name>steps</Name>\n<TripCount>$steps</TripCount>\n<Latency>$latency</Latency>
<PipelineII>1</PipelineII>\n<PipelineDepth>3</PipelineDepth>\n</steps>\n</SummaryOfLoopLatency>"
    }
    if {[goes_wrong synth undef]} { lassign {undef undef} latency interval }
    set dsp [expr {$::program eq "vivado_hls" ? "DSP48E" : "DSP"}]
    return "<PerformanceEstimates>
<PipelineType>$type</PipelineType>
<SummaryOfTimingAnalysis>
<unit>ns</unit>
<EstimatedClockPeriod>3.65</EstimatedClockPeriod>
</SummaryOfTimingAnalysis>
<SummaryOfOverallLatency>
<unit>clock cycles</unit>
<Best-caseLatency>12</Best-caseLatency>
<Average-caseLatency>20</Average-caseLatency>
<Worst-caseLatency>$latency</Worst-caseLatency>
<Interval-min>4</Interval-min>
<Interval-max>$interval</Interval-max>
</SummaryOfOverallLatency>
$loops
</PerformanceEstimates>
<AreaEstimates>
<Resources>
<BRAM_18K>2</BRAM_18K>
<$dsp>7</$dsp>
<FF>3000</FF>
<LUT>$lut</LUT>
<URAM>0</URAM>
</Resources>
<AvailableResources>
<BRAM_18K>5376</BRAM_18K>
<$dsp>12288</$dsp>
<FF>3456000</FF>
<LUT>1728000</LUT>
<URAM>1280</URAM>
</AvailableResources>
</AreaEstimates>"
}

# A dataflow region has a cycle more than its slowest process. Without a plan it is 5.
proc top_interval {} {
    lassign [planned] interval processes
    if {[goes_wrong synth rewind]} { return [expr {$interval + 15}] }
    return [expr {[llength $processes] > 2 ? $interval + 1 : $interval}]
}

# One module for each kernel that the top function calls.
proc modules {} {
    set names {}
    foreach path $::design(sources) {
        foreach {- name} [regexp -all -inline {sparsehls::(\w+)<} [source_text $path]] { lappend names $name }
    }
    return [lsort -unique $names]
}

proc csynth_xml {modules} {
    set text "<profile>\n<!-- written by a stand-in: every figure is invented -->\n<ReportVersion>
<Version>$::version</Version>\n</ReportVersion>\n<UserAssignments>\n<unit>ns</unit>\n<Part>$::design(part)</Part>
<TopModelName>$::design(top)</TopModelName>\n<TargetClockPeriod>$::design(period)</TargetClockPeriod>\n</UserAssignments>
[estimates $::design(top) 30 [top_interval] 40000]\n"
    if {$modules ne {}} {
        append text "<ModuleInformation>\n[process_modules]"
        append text "<Module>\n<Name>$::design(top)</Name>\n[estimates $::design(top) 30 [top_interval] 40000]\n</Module>\n"
        foreach name $modules { append text "<Module>\n<Name>$name</Name>\n[estimates $name 6 1 4000]\n</Module>\n" }
        append text "</ModuleInformation>\n"
    }
    return "$text</profile>\n"
}

proc cosim_design {args} {
    set more [lassign $args option level]
    if {$option ne "-trace_level" || $level ni {none all port port_hier}} { usage cosim_design }
    if {$more ni {{} -enable_dataflow_profiling} || $more ne {} && $::program eq "vivado_hls"} { usage cosim_design }
    if {$level ne "none"} { note "waveforms of $level $more" }
    need benches
    need_synthesis
    begin cosim
    set verdict [expr {[goes_wrong cosim mismatch] ? "Fail" : "Pass"}]
    set rule "+----------+----------+[string repeat - 47]+[string repeat - 47]+"
    set total ""
    if {$::program ne "vivado_hls"} { append rule "[string repeat - 22]+"; set total [list 190] }
    set row "|   Verilog|[format %10s $verdict]|"
    foreach cell [concat {28 29 30 4 5 5} $total] { append row "[format %15s $cell]|" }
    set none "|      VHDL|        NA|[string repeat {             NA|} [expr {6 + [llength $total]}]]"
    report cosim [file join $::design(solution) sim report $::design(top)_cosim.rpt] \
        "Report time       : Thu Jan  1 00:00:00 UTC 1970.\nSolution          : solution1.\nSimulation tool   : a stand-in\n\n$rule\n$none\n$row\n$rule\n"
}

proc export_design {args} {
    array set given {-flow none -rtl verilog}
    array set given $args
    if {[lsort [array names given]] ne {-display_name -flow -format -library -rtl -vendor -version}} { usage export_design }
    if {$given(-format) ne "ip_catalog" || $given(-flow) ni {none syn impl}} { usage export_design }
    if {![regexp {^\d+\.\d+(\.\d+)?$} $given(-version)] || $given(-vendor) eq "" || $given(-display_name) eq ""} { usage export_design }
    note "ip $given(-vendor):$given(-library):$given(-version) $given(-display_name) $given(-flow)"
    need_synthesis
    begin export
    report export [file join $::design(solution) impl ip component.xml] "<component/>\n"
}

# ---- the commands of Vivado

# A folder of what HLS made, or with backend = "verilog" the file itself.
set verilog ""
set vivado_step vsynth
set vivado_state Optimized
proc read_xdc {path} {
    if {$::design(top) ne ""} { error "ERROR: \[Vivado 12-180\] constraints are read after synthesis" }
    uplevel #0 [list source $path]
    if {$::design(period) eq ""} { error "ERROR: \[Vivado 12-181\] $path creates no clock" }
}
proc read_verilog {path} {
    if {![file isfile $path]} { error "ERROR: \[Vivado 12-172\] no file $path" }
    set ::verilog [file dirname $path]
    set ::vivado_step vivado
}
proc add_sources {path} {
    if {[glob -nocomplain -directory $path *.v] eq {}} { error "ERROR: \[Vivado 12-172\] no Verilog in $path" }
    set ::verilog $path
    if {[file tail $::script] eq "vivado_impl.tcl"} { set ::vivado_step impl }
}
proc synth_design {args} {
    array set given $args
    if {[lsort [array names given]] ne {-mode -part -top} || $given(-mode) ne "out_of_context"} { usage synth_design }
    if {![file isfile [file join $::verilog $given(-top).v]]} { error "ERROR: \[Synth 8-3\] no module $given(-top)" }
    # Timing-driven synthesis needs the clock.
    need period
    set ::design(top) $given(-top)
    set ::design(part) $given(-part)
    begin $::vivado_step
}
proc get_ports {name} { return $name }
proc opt_design {} { need top }
proc place_design {} { need top; set ::vivado_state "Fully Placed" }
proc phys_opt_design {} { need top; set ::vivado_state "Physopt postPlace" }
proc route_design {} { need top; set ::vivado_state Routed }
proc report_utilization {args} {
    need top
    if {[lrange $args 0 end-1] ne {-hierarchical -hierarchical_depth 1 -file}} { usage report_utilization }
    set rule "+--------------------+--------------------+------------+------------+---------+------+------+--------+--------+------+------------+"
    set titles "|      Instance      |       Module       | Total LUTs | Logic LUTs | LUTRAMs | SRLs |  FFs | RAMB36 | RAMB18 | URAM | DSP Blocks |"
    set row "| %-18s | %18s | %10d | %10d | %7d | %4d | %4d | %6d | %6d | %4d | %10d |"
    set lines [list $rule $titles $rule [format $row $::design(top) (top) 15000 14000 0 1000 2500 1 1 0 6] \
        [format $row "  ($::design(top))" (top) 0 0 0 0 500 0 0 0 0] \
        [format $row "  conv_U0" $::design(top)_conv 15000 14000 0 1000 2000 1 1 0 6] $rule]
    report $::vivado_step [lindex $args end] "Written by a stand-in: every figure is invented.\n| Tool Version : Vivado v.$::version (lin64)
| Design       : $::design(top)\n| Device       : $::design(part)\n| Design State : $::vivado_state\n\n1. Utilization by Hierarchy
---------------------------\n\n[join $lines \n]\n"
}
proc report_timing_summary {args} {
    need top
    if {[llength $args] != 2 || [lindex $args 0] ne "-file"} { usage report_timing_summary }
    set met [expr {![goes_wrong $::vivado_step mismatch]}]
    set slack [expr {$met ? 0.512 : -0.333}]
    set sentence [expr {$met ? "All user specified timing constraints are met." : "Timing constraints are not met."}]
    report $::vivado_step [lindex $args 1] "| Design Timing Summary\n| ---------------------

    WNS(ns)      TNS(ns)  TNS Failing Endpoints  TNS Total Endpoints      WHS(ns)      THS(ns)  THS Failing Endpoints  THS Total Endpoints
    -------      -------  ---------------------  -------------------      -------      -------  ---------------------  -------------------
     $slack        0.000                      [expr {$met ? 0 : 57}]                  973        0.082        0.000                      0                  973


$sentence\n"
}

# ---- run it

proc exit {{code 0}} { leave [expr {$::kind eq "swallow" ? 0 : $code}] }

set script [script_of]
# The script gets no arguments, as with vitis-run.
set argv {}
set argc 0
if {[catch {uplevel #0 [list source $script]} message]} {
    puts stderr "ERROR: \[Common 17-39\] $message"
    leave 1
}
leave 0
