# {{ made_by }}
#
# Which steps to run. vitis-run passes no arguments to a script, so they are written here.

array set opt {
    reset   0
    csim    {{ steps.csim }}
    synth   {{ steps.synth }}
    cosim   {{ steps.cosim }}
    export  {{ steps.export }}
    vsynth  {{ steps.vsynth }}
}
