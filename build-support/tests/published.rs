//! The cost model against real synthesis results of hls4ml's sparsepixels kernels: how far off is it?
//!
//! The factors of these kernels are fitted on half of the configurations; the errors are those of the other half.
//! The structures were made with both halves in view. The
//! data are beside the repository; without them the test is skipped. `--nocapture` shows the table of
//! `docs/cost-model.md`.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "published/kernels.rs"]
mod kernels;
#[path = "common/skip.rs"]
mod skip;

use std::{collections::BTreeMap, fs, path::Path};

use kernels::{Constants, Kernel, Weight};
use sparsehls_build::structure::Estimate;

/// A row of the file.
struct Row {
    project: String,
    module: String,
    values: BTreeMap<&'static str, f64>,
}

/// A project: its whole and its kernels.
struct Project {
    name: String,
    top: Row,
    kernels: Vec<(Kernel, Row)>,
}

/// One number of the tools beside the model's.
#[derive(Debug, Clone)]
struct Pair {
    group: Group,
    /// What tells it from others: the kernel, or the project.
    configuration: String,
    estimated: f64,
    published: f64,
}

/// Kind of kernel and quantity.
type Group = (&'static str, &'static str);

const HLS: &str = "LUT, HLS";
const VIVADO: &str = "LUT, Vivado";
const FF: &str = "FF, Vivado";
const DSP: &str = "DSP";
const LATENCY: &str = "latency";
const INTERVAL: &str = "interval";

fn rows() -> Option<Vec<Row>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/published-kernels.csv");
    let Ok(text) = fs::read_to_string(&path) else {
        skip::skipped(&format!("{} is not there", path.display()));
        return None;
    };
    let mut lines = text.lines();
    let header: Vec<&str> = lines.next().unwrap().split(',').collect();
    let names = ["lut", "dsp", "bram18", "latency", "interval", "vivado_lut", "vivado_ff"];
    let columns: Vec<_> = names.iter().map(|name| (*name, header.iter().position(|column| column == name).unwrap())).collect();
    let row = |line: &str| {
        let cells: Vec<&str> = line.split(',').collect();
        let values = columns.iter().filter_map(|(name, at)| Some((*name, cells.get(*at)?.parse().ok()?))).collect();
        Row { project: cells[0].to_owned(), module: cells[1].to_owned(), values }
    };
    Some(lines.map(row).collect())
}

/// The numbers in a module's name, and the project's values' width.
fn parameters(row: &Row) -> (Vec<u32>, u32) {
    let numbers = row.module.split('_').filter_map(|part| part.parse().ok()).collect();
    let width = ["16b", "10b", "8b"].iter().find(|width| row.project.contains(*width)).unwrap();
    (numbers, width.trim_end_matches('b').parse().unwrap())
}

/// The kernel that a module is; `None` for parts of kernels.
fn kernel(row: &Row) -> Option<Kernel> {
    let (numbers, width) = parameters(row);
    let saturates = row.project.starts_with("neutrino");
    let last = |count: usize| numbers.get(numbers.len().checked_sub(count)?..);
    let module = row.module.as_str();
    if module.starts_with("sparse_input_reduce") {
        let [h, w, channels, slots, _] = *last(5)? else { return None };
        // With only a reduction the report has no multiplexers for coordinates: nothing uses them.
        let coordinates = row.project.starts_with("scaling") && !row.project.contains("/reduction/");
        Some(Kernel::Reduce { pixels: h * w, channels, slots, width, coordinates })
    } else if module.starts_with("sparse_conv") {
        let (slots, channels, filters, size, weight) = match *numbers {
            [slots, channels, filters] => (slots, channels, filters, 3, Weight::Compared),
            [slots, channels, filters, size] => (slots, channels, filters, size, Weight::Table),
            _ => return None,
        };
        Some(Kernel::Conv { slots, channels, filters, window: size * size, width, weight, saturates })
    } else if module.starts_with("sparse_pooling") {
        let [slots, channels, size] = *last(3)? else { return None };
        Some(Kernel::Pool { slots, channels, size, width, saturates })
    } else if module.starts_with("sparse_relu") && !saturates {
        let [slots, channels] = *last(2)? else { return None };
        Some(Kernel::Relu { values: slots * channels, width })
    } else if module.starts_with("sparse_flatten") && !module.contains("Pipeline") {
        let [h, w, channels, slots] = *last(4)? else { return None };
        Some(Kernel::Flatten { positions: h * w, channels, slots, width, pipelined: !saturates })
    } else if module.starts_with("dense_latency") && row.project.contains("sparse") {
        dense(row, width)
    } else {
        None
    }
}

/// The constants of the two dense layers in the published models, counted in their weights: the numbers of [`Constants`]
/// in order.
const CONSTANTS: [(&str, [u32; 5], [u32; 5]); 8] = [
    ("8b/hls_sparse_l", [3793, 7737, 941, 825, 5], [16, 36, 7, 7, 7]),
    ("8b/hls_sparse_m", [3787, 7368, 783, 692, 5], [16, 43, 9, 9, 7]),
    ("8b/hls_sparse_s", [3778, 7063, 590, 513, 4], [16, 39, 8, 8, 6]),
    ("8b/hls_sparse_t", [3792, 7329, 680, 568, 4], [16, 42, 9, 9, 6]),
    ("16b/hls_sparse_l", [3880, 12507, 3075, 3016, 8], [16, 65, 16, 16, 11]),
    ("16b/hls_sparse_m", [3880, 12735, 3080, 3034, 8], [16, 63, 16, 16, 10]),
    ("16b/hls_sparse_s", [3882, 12699, 3128, 3065, 8], [16, 68, 16, 16, 10]),
    ("16b/hls_sparse_t", [3884, 12884, 3172, 3116, 9], [16, 63, 16, 16, 11]),
];

/// The dense layers of the neutrino models: 243 inputs and 16 outputs, then 16 and one.
fn dense(row: &Row, width: u32) -> Option<Kernel> {
    let (_, first, second) = *CONSTANTS.iter().find(|(model, ..)| row.project.ends_with(&format!("-{model}")))?;
    let constants = |[nonzero, digits, long, products, bits]: [u32; 5]| Constants { nonzero, digits, long, products, bits };
    Some(if row.module.contains("config10") {
        Kernel::Dense { inputs: 243, outputs: 16, constants: constants(first), width }
    } else {
        Kernel::Dense { inputs: 16, outputs: 1, constants: constants(second), width }
    })
}

fn projects(rows: Vec<Row>) -> Vec<Project> {
    let mut found: BTreeMap<String, Vec<Row>> = BTreeMap::new();
    for row in rows.into_iter().filter(|row| !row.project.contains("hls_full")) {
        found.entry(row.project.clone()).or_default().push(row);
    }
    let project = |(name, mut rows): (String, Vec<Row>)| {
        let top = rows.swap_remove(rows.iter().position(|row| row.module == "TOP").unwrap());
        let kernels = rows.into_iter().filter_map(|row| Some((kernel(&row)?, row))).collect();
        Project { name, top, kernels }
    };
    found.into_iter().map(project).collect()
}

fn kind(kernel: Kernel) -> &'static str {
    match kernel {
        Kernel::Reduce { .. } => "input reduction",
        Kernel::Conv { .. } => "convolution",
        Kernel::Pool { .. } => "average pooling",
        Kernel::Relu { .. } => "ReLU",
        Kernel::Flatten { .. } => "flatten",
        Kernel::Dense { outputs: 1, .. } => "dense, 1 output",
        Kernel::Dense { .. } => "dense, 16 outputs",
    }
}

const PROJECT: &str = "whole project";

/// What tells a kernel from others. The halves depend on it, so it does not change with what is known of a kernel.
fn configuration(kernel: Kernel) -> String {
    match kernel {
        Kernel::Dense { inputs, outputs, constants: Constants { digits, .. }, width } => {
            format!("Dense {{ inputs: {inputs}, outputs: {outputs}, digits: {digits}, width: {width} }}")
        }
        kernel => format!("{kernel:?}"),
    }
}

/// Every number that the model can be held against, with the estimate before any factor.
fn kernel_pairs(project: &Project) -> Vec<Pair> {
    let mut pairs = Vec::new();
    for (kernel, row) in &project.kernels {
        let published = kernel.published();
        let mut add = |quantity, estimated: f64, column| {
            if let Some(value) = row.values.get(column) {
                let group = (kind(*kernel), quantity);
                let configuration = configuration(*kernel);
                pairs.push(Pair { group, configuration, estimated, published: *value });
            }
        };
        add(HLS, published.hls_luts(), "lut");
        add(LATENCY, published.latency(), "latency");
        if published.dsps() > 0.0 || row.values.get("dsp").is_some_and(|dsps| *dsps > 0.0) {
            add(DSP, published.dsps(), "dsp");
        }
        if vivado_is_its_own(project, *kernel) {
            add(VIVADO, published.luts(), "vivado_lut");
            add(FF, published.ffs(), "vivado_ff");
        }
    }
    pairs.extend(convolution_pair(project));
    pairs
}

/// Logic synthesis moves logic from one module to another. In the reports of the scaling projects a large part of a
/// convolution stands with the FIFOs around it, and a ReLU has almost nothing.
fn vivado_is_its_own(project: &Project, kernel: Kernel) -> bool {
    match kernel {
        Kernel::Relu { .. } => false,
        Kernel::Conv { .. } => project.name.starts_with("neutrino"),
        _ => true,
    }
}

/// The convolutions of a project that has nothing else behind the reduction, with their FIFOs.
fn convolution_pair(project: &Project) -> Option<Pair> {
    if !project.name.contains("/conv/") {
        return None;
    }
    let total = project.top.values.get("vivado_lut")?;
    let of = |wanted: fn(&Kernel) -> bool| project.kernels.iter().filter(move |(kernel, _)| wanted(kernel));
    let reductions: f64 =
        of(|kernel| matches!(kernel, Kernel::Reduce { .. })).filter_map(|(_, row)| row.values.get("vivado_lut")).sum();
    let estimated = of(|kernel| matches!(kernel, Kernel::Conv { .. })).map(|(kernel, _)| kernel.published().luts()).sum();
    let group = ("convolution", VIVADO);
    Some(Pair { group, configuration: project.name.clone(), estimated, published: total - reductions })
}

/// A FIFO of two entries: LUTs in the HLS estimate, and after logic synthesis, for values of some bits.
fn fifo_luts(width: u32) -> (f64, f64) {
    (4.0 * f64::from(width) + 5.0, f64::from(width) + 13.0)
}

/// The whole project: its kernels, each with the factor of its kind, and the FIFOs between.
fn project_pairs(project: &Project, factors: &BTreeMap<Group, f64>) -> Vec<Pair> {
    let factor = |kernel, quantity| factors.get(&(kind(kernel), quantity)).copied().unwrap_or(1.0);
    let (mut hls, mut vivado, mut dsps, mut latency, mut interval) = (0.0, 0.0, 0.0, 0.0, 0.0f64);
    for (kernel, _) in &project.kernels {
        let published = kernel.published();
        hls += published.hls_luts() * factor(*kernel, HLS);
        vivado += published.luts() * factor(*kernel, VIVADO);
        dsps += published.dsps();
        for (fifos, width) in kernel.fifos() {
            hls += f64::from(fifos) * fifo_luts(width).0;
            vivado += f64::from(fifos) * fifo_luts(width).1;
        }
        latency += published.latency() + 1.0;
        interval = interval.max(published.latency() + 1.0);
    }
    let estimates =
        [(HLS, hls, "lut"), (VIVADO, vivado, "vivado_lut"), (LATENCY, latency, "latency"), (INTERVAL, interval, "interval")];
    let pair = |(quantity, estimated, column): (&'static str, f64, &str)| {
        let published = *project.top.values.get(column)?;
        Some(Pair { group: (PROJECT, quantity), configuration: project.name.clone(), estimated, published })
    };
    let in_dsps = (dsps > 0.0).then_some((DSP, dsps, "dsp"));
    estimates.into_iter().chain(in_dsps).filter_map(pair).collect()
}

/// Many projects have the same kernel; it counts once, with the mean of the published numbers.
fn distinct(pairs: Vec<Pair>) -> Vec<Pair> {
    let mut found: BTreeMap<(Group, String), Vec<Pair>> = BTreeMap::new();
    for pair in pairs {
        found.entry((pair.group, pair.configuration.clone())).or_default().push(pair);
    }
    let mean = |same: Vec<Pair>| {
        let published = same.iter().map(|pair| pair.published).sum::<f64>() / same.len() as f64;
        Pair { published, ..same[0].clone() }
    };
    found.into_values().map(mean).collect()
}

/// Half of the configurations, by a hash (FNV-1a) of the name.
fn is_fitted_on(configuration: &str) -> bool {
    let hash =
        configuration.bytes().fold(0xcbf2_9ce4_8422_2325u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3));
    hash.count_ones().is_multiple_of(2)
}

/// Value below which a part of the values lies, with a straight line between neighbours.
fn quantile(values: &mut [f64], part: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let at = (values.len() - 1) as f64 * part;
    let (below, above) = (values[at.floor() as usize], values[at.ceil() as usize]);
    below + (above - below) * at.fract()
}

/// For each kind of kernel the factor on LUTs that makes the median of the fitted half right.
fn fit(pairs: &[Pair]) -> BTreeMap<Group, f64> {
    let mut ratios: BTreeMap<Group, Vec<f64>> = BTreeMap::new();
    for pair in pairs.iter().filter(|pair| is_fitted_on(&pair.configuration) && [HLS, VIVADO, FF].contains(&pair.group.1)) {
        ratios.entry(pair.group).or_default().push(pair.published / pair.estimated);
    }
    ratios.into_iter().map(|(group, mut ratios)| (group, quantile(&mut ratios, 0.5))).collect()
}

/// What the table says of a group.
struct Errors {
    fitted_on: usize,
    held_out: usize,
    factor: Option<f64>,
    median: f64,
    ninety: f64,
}

fn errors(pairs: &[Pair], factors: &BTreeMap<Group, f64>) -> BTreeMap<Group, Errors> {
    let mut groups: BTreeMap<Group, (usize, Vec<f64>)> = BTreeMap::new();
    for pair in pairs {
        let (fitted, errors) = groups.entry(pair.group).or_default();
        if is_fitted_on(&pair.configuration) {
            *fitted += 1;
        } else {
            let estimated = pair.estimated * factors.get(&pair.group).unwrap_or(&1.0);
            errors.push(100.0 * (estimated - pair.published).abs() / pair.published.max(1.0));
        }
    }
    let errors = |(group, (fitted_on, mut errors)): (Group, (usize, Vec<f64>))| {
        let (median, ninety) = (quantile(&mut errors, 0.5), quantile(&mut errors, 0.9));
        (group, Errors { fitted_on, held_out: errors.len(), factor: factors.get(&group).copied(), median, ninety })
    };
    groups.into_iter().map(errors).collect()
}

fn line((kind, quantity): Group, errors: &Errors) -> String {
    let factor = errors.factor.map_or("–".to_owned(), |factor| format!("{factor:.2}"));
    let Errors { fitted_on, held_out, median, ninety, .. } = errors;
    format!("| {kind} | {quantity} | {factor} | {fitted_on} | {held_out} | {median:.0} % | {ninety:.0} % |")
}

/// Median errors above the goal, in percent; the page says why.
const ABOVE_GOAL: [(Group, f64); 3] =
    [(("dense, 16 outputs", LATENCY), 42.0), (("dense, 16 outputs", FF), 36.0), (("dense, 1 output", FF), 78.0)];
const GOAL: f64 = 15.0;

/// Projects of every kind for the table of examples.
const EXAMPLES: [&str; 7] = [
    "scaling/8b/reduction/reduction-in1000/reduction-in1000-out20",
    "scaling/10b/conv/conv-c1-f2/conv-p20-c1-f2",
    "scaling/8b/conv/ker5/conv-c3-f2/conv-p15-c3-f2",
    "scaling/10b/avgpool/avgpool-c2-s2/avgpool-p20-c2-s2",
    "scaling/8b/flatten/flatten-c1-out100/flatten-p20-c1-out100",
    "neutrino/model-16b/hls_sparse_s",
    "neutrino/model-8b/hls_sparse_l",
];

/// Estimate and published number, if there is one.
fn both(estimated: f64, published: Option<&f64>) -> String {
    published.map_or("–".to_owned(), |published| format!("{estimated:.0} / {published:.0}"))
}

fn examples(projects: &[Project], factors: &BTreeMap<Group, f64>) -> Vec<String> {
    let mut lines = Vec::new();
    for name in EXAMPLES {
        let project = projects.iter().find(|project| project.name == name).unwrap();
        for (kernel, row) in &project.kernels {
            let published = kernel.published();
            let factor = |quantity| factors.get(&(kind(*kernel), quantity)).unwrap_or(&1.0);
            let vivado = row.values.get("vivado_lut").filter(|_| vivado_is_its_own(project, *kernel));
            lines.push(format!(
                "| {kernel} | {} | {} | {} | {} |",
                both(published.hls_luts() * factor(HLS), row.values.get("lut")),
                both(published.luts() * factor(VIVADO), vivado),
                both(published.dsps(), row.values.get("dsp").filter(|dsps| **dsps > 0.0)),
                both(published.latency(), row.values.get("latency")),
            ));
        }
        let whole = project_pairs(project, factors);
        let of = |quantity| whole.iter().find(|pair| pair.group.1 == quantity);
        let cell = |quantity| of(quantity).map_or("–".to_owned(), |pair| both(pair.estimated, Some(&pair.published)));
        lines.push(format!("| **{name}** | {} | {} | {} | {} |", cell(HLS), cell(VIVADO), cell(DSP), cell(LATENCY)));
    }
    lines
}

/// Prints lines, and fails if the page has others.
fn compare_with_page(lines: &[String]) {
    lines.iter().for_each(|line| println!("{line}"));
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/cost-model.md");
    let page = fs::read_to_string(path).unwrap();
    let missing: Vec<&String> = lines.iter().filter(|line| !page.contains(line.as_str())).collect();
    assert!(missing.is_empty(), "not in docs/cost-model.md, which has to be brought up to date: {missing:#?}");
}

struct Fitted {
    projects: Vec<Project>,
    pairs: Vec<Pair>,
    factors: BTreeMap<Group, f64>,
}

fn fitted() -> Option<Fitted> {
    let projects = projects(rows()?);
    let mut pairs = distinct(projects.iter().flat_map(kernel_pairs).collect());
    let factors = fit(&pairs);
    pairs.extend(projects.iter().flat_map(|project| project_pairs(project, &factors)));
    Some(Fitted { projects, pairs, factors })
}

#[test]
fn median_errors_of_the_other_half_reach_the_goal() {
    let Some(Fitted { pairs, factors, .. }) = fitted() else { return };
    for (group, errors) in errors(&pairs, &factors) {
        let limit = ABOVE_GOAL.iter().find(|(above, _)| *above == group).map_or(GOAL, |(_, limit)| *limit);
        assert!(errors.median <= limit, "{}", line(group, &errors));
    }
}

#[test]
fn the_page_has_the_errors() {
    let Some(Fitted { pairs, factors, .. }) = fitted() else { return };
    let lines: Vec<String> = errors(&pairs, &factors).iter().map(|(group, errors)| line(*group, errors)).collect();
    compare_with_page(&lines);
}

#[test]
fn the_page_has_the_examples() {
    let Some(Fitted { projects, factors, .. }) = fitted() else { return };
    compare_with_page(&examples(&projects, &factors));
}

/// Of the large convolutions, those with 16 bits and three filters have their weights in block RAM.
#[test]
fn block_rams_of_the_large_convolutions_are_the_published_ones() {
    let Some(rows) = rows() else { return };
    let found: Vec<_> = projects(rows)
        .iter()
        .flat_map(|project| &project.kernels)
        .filter_map(|(kernel, row)| Some((kernel.bram18()? as f64, *row.values.get("bram18")?)))
        .collect();
    assert!(found.iter().all(|(estimated, published)| estimated == published), "{found:?}");
    assert_eq!(found.iter().filter(|(_, published)| *published > 0.0).count(), 4);
}

/// The top of each project and its processes.
fn regions(rows: Vec<Row>) -> BTreeMap<String, (Row, Vec<Row>)> {
    let mut found: BTreeMap<String, Vec<Row>> = BTreeMap::new();
    // What stands within a process.
    let inner = |row: &Row| row.module.starts_with("operator") || row.module.contains("Pipeline");
    for row in rows.into_iter().filter(|row| !row.project.contains("hls_full") && !inner(row)) {
        found.entry(row.project.clone()).or_default().push(row);
    }
    let region = |(name, mut rows): (String, Vec<Row>)| {
        let top = rows.swap_remove(rows.iter().position(|row| row.module == "TOP").unwrap());
        (name, (top, rows))
    };
    found.into_iter().map(region).collect()
}

/// What the estimate of a region adds to its processes: a cycle between two of them, and one before the slowest begins again.
#[test]
fn hand_overs_and_restarts_are_those_of_the_reports() {
    let Some(rows) = rows() else { return };
    let regions = regions(rows);
    let mut more = 0;
    for (name, (top, processes)) in &regions {
        let sum: f64 = processes.iter().map(|row| row.values["latency"]).sum();
        let longest = processes.iter().map(|row| row.values["latency"]).fold(0.0, f64::max);
        assert_eq!(top.values["interval"], longest + 1.0, "{name}");
        let between = top.values["latency"] - sum;
        more += usize::from(between < processes.len() as f64 - 1.0);
        assert!(between <= processes.len() as f64 - 1.0, "{name}: {between}");
    }
    assert_eq!((regions.len(), more), (386, 8), "they are more than the report has");
}

/// A region with a reduction alone has a FIFO for each slot behind it, which nothing else is mixed with.
#[test]
fn fifos_are_those_of_the_reports() {
    let Some(rows) = rows() else { return };
    let regions = regions(rows);
    let alone: Vec<_> = regions.iter().filter(|(name, _)| name.contains("/reduction/")).collect();
    assert_eq!(alone.len(), 120);
    let mut luts: Vec<f64> = Vec::new();
    for (name, (top, processes)) in alone {
        let slots: f64 = name.rsplit_once("out").unwrap().1.parse().unwrap();
        let left = |column| top.values[column] - processes.iter().map(|row| row.values[column]).sum::<f64>();
        let fifo = Estimate::fifo(parameters(top).1.into());
        assert_eq!(left("lut"), slots * fifo.hls_luts as f64 + 6.0, "{name}");
        assert_eq!(left("vivado_ff"), slots * (fifo.ffs as f64 - 1.0), "{name}");
        luts.push(left("vivado_lut") / slots / fifo.luts as f64);
    }
    let (lowest, median, highest) = (quantile(&mut luts, 0.0), quantile(&mut luts, 0.5), quantile(&mut luts, 1.0));
    assert!(lowest > 0.7 && (0.8..1.25).contains(&median) && highest < 1.6, "{lowest:.2} {median:.2} {highest:.2}");
}

/// For work on the model: `SPARSEHLS_PAIRS=1` prints every number.
#[test]
fn every_kind_of_row_is_used() {
    let Some(Fitted { pairs, factors, .. }) = fitted() else { return };
    if std::env::var_os("SPARSEHLS_PAIRS").is_some() {
        for Pair { group, configuration, estimated, published } in &pairs {
            let estimated = estimated * factors.get(group).unwrap_or(&1.0);
            println!("{group:?} {configuration} {estimated:.0} {published} {:.2}", estimated / published);
        }
    }
    assert_eq!(errors(&pairs, &factors).len(), 35);
}

/// The one published design whose instructions are known gives what an operation is counted as.
#[test]
fn the_instructions_of_the_published_design_are_estimated() {
    let Some(rows) = rows() else { return };
    let project = projects(rows).into_iter().find(|project| project.name == "neutrino/model-8b/hls_sparse_l").unwrap();
    let found: u64 = project.kernels.iter().map(|(kernel, _)| kernel.published().structure.instructions()).sum();
    assert!(found.abs_diff(957_000) < 10_000, "{found}");
}
