using Ocellus.Vision.Recipes;

namespace Ocellus.Vision.Tests.Recipes;

public sealed class RecentMeanTests
{
    [Fact]
    public void The_mean_is_of_the_latest_numbers()
    {
        var mean = new RecentMean(2);
        Assert.Null(mean.Value);
        mean.Add(4);
        Assert.Equal(4, mean.Value);
        mean.Add(6);
        Assert.Equal(5, mean.Value);
        mean.Add(8);
        Assert.Equal(7, mean.Value);
        mean.Clear();
        Assert.Null(mean.Value);
    }
}
