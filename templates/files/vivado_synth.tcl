# {{ made_by }}
#
# Logic synthesis of what C synthesis left, for utilization and timing as Vivado sees them before it places anything:
#   vivado -mode batch -source vivado_synth.tcl

source [file join [file dirname [file normalize [info script]]] project.tcl]

add_files "${project_name}_prj/solution1/syn/verilog"
read_xdc vivado.xdc
synth_design -top $project_name -part $part -mode out_of_context
opt_design
report_utilization -hierarchical -hierarchical_depth 1 -file vivado_synth.rpt
report_timing_summary -file vivado_timing.rpt
