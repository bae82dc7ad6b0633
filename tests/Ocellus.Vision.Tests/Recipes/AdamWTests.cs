using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Ocellus.Vision.Tests.Recipes;

public sealed class AdamWTests
{
    // 37 values: whole vectors of the processor, and some left over.
    [Theory]
    [InlineData(37)]
    [InlineData(3)]
    public void Ten_steps_are_those_of_libtorch(int count)
    {
        using var scope = NewDisposeScope();
        manual_seed(3);
        Tensor start = randn(count), goal = randn(count);
        Parameter ours = new(start.clone()), theirs = new(start.clone());
        var optimizer = new Ocellus.Vision.Recipes.AdamW([("x", ours)], _ => .02, .1);
        var reference = optim.AdamW([theirs], lr: .01, weight_decay: .1);
        for (int i = 0; i < 10; i++)
        {
            optimizer.ZeroGradients();
            (ours - goal).square().sum().backward();
            optimizer.Step(.5);
            reference.zero_grad();
            (theirs - goal).square().sum().backward();
            reference.step();
        }

        Assert.InRange((ours - theirs).abs().max().item<float>(), 0, 1e-6f);
        Assert.True((ours - start).abs().mean().item<float>() > .03f); // it did move, up to 0.1
    }
}
