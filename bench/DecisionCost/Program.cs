using BenchmarkDotNet.Running;
using Twins.DecisionCost;

BenchmarkRunner.Run<RedirectedSegment>(args: args);
