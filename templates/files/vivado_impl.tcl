# {{ made_by }}
#
# From what C synthesis left to a routed design out of context, for utilization and timing as they are on the device:
#   vivado -mode batch -source vivado_impl.tcl

source [file join [file dirname [file normalize [info script]]] project.tcl]

add_files "${project_name}_prj/solution1/syn/verilog"
read_xdc vivado.xdc
synth_design -top $project_name -part $part -mode out_of_context
opt_design
place_design
phys_opt_design
route_design
report_utilization -hierarchical -hierarchical_depth 1 -file vivado_impl.rpt
report_timing_summary -file vivado_impl_timing.rpt
