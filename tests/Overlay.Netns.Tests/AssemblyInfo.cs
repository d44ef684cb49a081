// Each test runs whole nodes: one after the other is what two cores bear.
[assembly: Xunit.v3.Parallelization(Mode = Xunit.Sdk.ParallelMode.None)]
