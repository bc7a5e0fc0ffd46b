# {{ made_by }}
#
# Runs the steps of build_opt.tcl:
#   vitis-run --mode hls --tcl build_prj.tcl   (2023.2 and later)
#   vitis_hls -f build_prj.tcl                 (2020.2 to 2024.2)
#   vivado_hls -f build_prj.tcl                (to 2020.1)

set here [file dirname [file normalize [info script]]]
source [file join $here project.tcl]
source [file join $here build_opt.tcl]
source [file join $here export.tcl]

# Ends with an error that the caller sees, whatever the tool does with an uncaught one. cargo-sparsehls reads what is
# printed here: which step runs, and which are done.
proc step {name body} {
    puts "sparsehls: $name"
    flush stdout
    if {[catch {uplevel 1 $body} message]} {
        puts stderr "sparsehls: $name failed: $message"
        exit 1
    }
    puts "sparsehls: $name done"
    flush stdout
}

if {$opt(reset)} {
    open_project -reset "${project_name}_prj"
} else {
    open_project "${project_name}_prj"
}
set_top $project_name
add_files "firmware/${project_name}.cpp" -cflags $cflags
add_files -tb "${project_name}_test.cpp" -cflags $cflags
add_files -tb tb_data
if {$opt(reset)} {
    open_solution -reset solution1
} else {
    open_solution solution1
}
# Processes are called after layers; a name that the tool cuts off could not be found in its reports.
config_compile -name_max_length 80
set_part $part
config_rtl -reset_level $reset_level
# Without it registers of DSPs are all used, which adds latency; hls4ml's published results have it too.
config_schedule -enable_dsp_full_reg=false
create_clock -period $clock_period -name default
# Vivado HLS stops at arrays of more than 1024 elements that are to become registers; Vitis HLS has no such bound.
if {$backend eq "vivado"} { config_array_partition -maximum_size 1000000 }
set_clock_uncertainty $clock_uncertainty default

# What co-simulation is told. Your own scripts may change it: `-trace_level all` writes waveforms, and with Vitis HLS
# `-enable_dataflow_profiling` says how full each stream becomes.
set cosim_options {-trace_level none}

# Your own scripts (`tcl` in the manifest): everything is set up, and nothing has run.
foreach hook $hooks {
    if {[catch {uplevel #0 [list source [file join $here $hook]]} message]} {
        puts stderr "sparsehls: $hook failed: $message"
        exit 1
    }
}

if {$opt(csim)} { step csim { csim_design } }
if {$opt(synth)} { step synth { csynth_design } }
if {$opt(cosim)} { step cosim { cosim_design {*}$cosim_options } }
if {$opt(export)} {
    set options [list -format ip_catalog -vendor $ip_vendor -library $ip_library -version $ip_version -display_name $ip_name]
    if {$export_flow ne "none"} { lappend options -flow $export_flow -rtl verilog }
    step export { export_design {*}$options }
}
exit 0
