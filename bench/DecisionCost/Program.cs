using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Running;
using BenchmarkDotNet.Toolchains.InProcess.Emit;
using Twins.DecisionCost;

// In this process: a program of its own for the benchmarks would be built anew, and on a busy machine not in time.
var config = DefaultConfig.Instance.AddJob(Job.ShortRun.WithToolchain(InProcessEmitToolchain.Instance));
var summary = BenchmarkRunner.Run<RedirectedSegment>(config, args);
// What can't run is a line of NA in the table.
return summary.HasCriticalValidationErrors || summary.Reports.IsEmpty || summary.Reports.Any(report => !report.Success) ? 1 : 0;
