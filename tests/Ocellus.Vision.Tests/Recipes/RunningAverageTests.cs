using Ocellus.Vision.Recipes;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Ocellus.Vision.Tests.Recipes;

public sealed class RunningAverageTests
{
    [Theory]
    [InlineData(0, .1)] // (1 + 0) / (10 + 0)
    [InlineData(8, .5)] // 9 / 18
    [InlineData(80, .9)] // 81 / 90
    [InlineData(1000, .98)] // the most
    public void The_past_counts_more_and_more(long step, double decay) => Assert.Equal(decay, RunningAverage.Decay(step, .98), 1e-12);

    [Fact]
    public void Averages_follow_what_learns_and_come_back_from_a_checkpoint()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        Parameter learns = new(tensor(new float[] { 1, 2 })), frozen = new(tensor(new float[] { 5 }), requires_grad: false);
        Tensor statistic = tensor(new float[] { 10 });
        var average = new RunningAverage([("learns", learns), ("frozen", frozen), ("statistic", statistic)], .5);
        learns.fill_(11);
        frozen.fill_(7);
        statistic.fill_(20);

        average.Update(0); // a tenth of the past stays
        Assert.Equal([10, 10.1], Values("learns"));
        Assert.Equal([5], Values("frozen"));
        Assert.Equal([19], Values("statistic"));

        TrainingCheckpoint saved = average.AddTo(new TrainingCheckpoint("key", 0, 0, false, 0, new Dictionary<string, float[][]>()));
        Assert.Equal(average.Values()["learns"].Values, saved.Values["average:learns"][0]);
        average.Restart();
        Assert.Equal([11, 11], Values("learns"));
        average.Restore(saved);
        Assert.Equal([10, 10.1], Values("learns"));

        // To four places: what is averaged in float32 is not exact.
        double[] Values(string name) => [.. average.Values()[name].Values.Select(v => Math.Round(v, 4))];
    }
}
